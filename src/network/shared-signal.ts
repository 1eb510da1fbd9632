import { setMaxListeners } from 'node:events';

/**
 * The signal, after which Node no longer warns of a leak where many requests that are under way at once listen to it.
 * Each takes its listener away when it ends.
 */
export function sharedSignal(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
