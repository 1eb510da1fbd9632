import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { pause } from '../worker/activity-context.js';

const Details = z.object({ notBeforeMs: z.number().exactOptional() });

/** How long the service has asked one row to wait (Retry-After), kept for the attempt after this one, on another worker perhaps. */
export class AskedWait {
  readonly #clock: () => number;
  #notBeforeMs: number | undefined;

  /** Takes over what the attempt before has left. `clock`: Temporal's time. */
  constructor(clock: () => number) {
    this.#clock = clock;
    this.#notBeforeMs = Details.safeParse(Context.current().info.heartbeatDetails).data?.notBeforeMs;
  }

  /** What the next attempt must know, to be left with each heartbeat. */
  get details(): { readonly notBeforeMs?: number } {
    const notBeforeMs = this.#notBeforeMs;
    return notBeforeMs !== undefined && notBeforeMs > this.#clock() ? { notBeforeMs } : {};
  }

  note(retryAfterMs: number | undefined): void {
    if (retryAfterMs !== undefined) this.#notBeforeMs = this.#clock() + retryAfterMs;
  }

  /** Waits until it is over. */
  async over(): Promise<void> {
    const leftMs = (this.#notBeforeMs ?? 0) - this.#clock();
    if (leftMs > 0) await pause(leftMs);
  }
}
