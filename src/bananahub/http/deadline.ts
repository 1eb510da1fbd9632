import { sharedSignal } from '../../network/shared-signal.js';

/** A time limit combined with a caller's signal. Call `dispose` in `finally`. */
export interface Deadline {
  /** Aborts when the time is over, and with the caller's signal. */
  readonly signal: AbortSignal;
  /** Whether the time ran out, as opposed to an abort by the caller. */
  readonly expired: () => boolean;
  /** Stops the clock, for waits that are not the other side's fault. */
  readonly pause: () => void;
  /** Restarts the clock with the full time. */
  readonly restart: () => void;
  readonly dispose: () => void;
}

/**
 * A deadline of `limitMs` from now that also follows `outer`.
 *
 * Not `AbortSignal.any([outer, AbortSignal.timeout(limitMs)])`: on Node 20 the inner timeout signal may be
 * garbage-collected before it fires, and the limit is lost.
 */
export function startDeadline(limitMs: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  let expired = false;
  let timer: NodeJS.Timeout | undefined;
  const pause = (): void => clearTimeout(timer);
  const restart = (): void => {
    pause();
    timer = setTimeout(() => {
      expired = true;
      controller.abort(new DOMException(`No answer within ${limitMs} ms.`, 'TimeoutError'));
    }, limitMs);
  };
  const followOuter = (): void => controller.abort(outer?.reason);
  if (outer?.aborted === true) followOuter();
  else if (outer) sharedSignal(outer).addEventListener('abort', followOuter, { once: true });
  restart();
  return {
    signal: controller.signal,
    expired: () => expired,
    pause,
    restart,
    dispose: () => {
      pause();
      outer?.removeEventListener('abort', followOuter);
    },
  };
}
