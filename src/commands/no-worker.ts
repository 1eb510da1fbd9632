/** Said where a batch was told something and nobody works on it. */
export const NO_WORKER = 'None does now; start one: npx banana-batch worker';
