/** Printed where a batch was sent a command and no worker processes it. */
export const NO_WORKER = 'No worker answers now; start one: npx banana-batch worker';
