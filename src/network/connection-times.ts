import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';

// Node gives each address of a host 250 ms to connect, which a distant host or a slow network needs longer than.
setDefaultAutoSelectFamilyAttemptTimeout(2_500);

/** Longest time that an idle connection is kept for reuse, whatever the server allows. */
export const MOST_IDLE_MS = 30_000;

/**
 * Idle connections of undici's agents: 10 s where the server says nothing; otherwise what its `Keep-Alive` header says,
 * less a margin, and 30 s at most.
 */
export const KEEP_ALIVE = { keepAliveTimeout: 10_000, keepAliveMaxTimeout: MOST_IDLE_MS } as const;
