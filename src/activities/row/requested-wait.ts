import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { pause } from '../worker/activity-context.js';

const Details = z.object({ notBeforeMs: z.number().exactOptional() });

/** How long the service told one row to wait (Retry-After), kept for the next attempt, which may run on another worker. */
export class RequestedWait {
  readonly #clock: () => number;
  #notBeforeMs: number | undefined;

  /** Restores the state of the previous attempt. `clock`: Temporal's time. */
  constructor(clock: () => number) {
    this.#clock = clock;
    this.#notBeforeMs = Details.safeParse(Context.current().info.heartbeatDetails).data?.notBeforeMs;
  }

  /** The state for the next attempt; send it with each heartbeat. */
  get details(): { readonly notBeforeMs?: number } {
    const notBeforeMs = this.#notBeforeMs;
    return notBeforeMs !== undefined && notBeforeMs > this.#clock() ? { notBeforeMs } : {};
  }

  note(retryAfterMs: number | undefined): void {
    if (retryAfterMs !== undefined) this.#notBeforeMs = this.#clock() + retryAfterMs;
  }

  /** Waits for the end of the requested wait. */
  async over(): Promise<void> {
    const leftMs = (this.#notBeforeMs ?? 0) - this.#clock();
    if (leftMs > 0) await pause(leftMs);
  }
}
