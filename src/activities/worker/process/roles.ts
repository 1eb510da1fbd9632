/** The kinds of work that a worker process may take: one task queue each. Default: all. */
export const WORKER_ROLES = ['main', 'create', 'await', 'store'] as const;
export type WorkerRole = (typeof WORKER_ROLES)[number];
