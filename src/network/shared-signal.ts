import { setMaxListeners } from 'node:events';

/** The signal, set up so that Node does not warn of a leak when many simultaneous requests listen to it. Each removes its listener when it ends. */
export function sharedSignal(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
