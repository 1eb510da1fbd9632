import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';

// Node gives each address of a host 250 ms to connect, which is too short for a distant host or a slow network.
setDefaultAutoSelectFamilyAttemptTimeout(2_500);

/** Maximum time that an idle connection is kept for reuse, whatever the server allows. */
export const MOST_IDLE_MS = 30_000;

/** Idle connections of undici's agents: 10 s by default, or the server's `Keep-Alive` header less a margin, and at most 30 s. */
export const KEEP_ALIVE = { keepAliveTimeout: 10_000, keepAliveMaxTimeout: MOST_IDLE_MS } as const;
