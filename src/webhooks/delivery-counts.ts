/**
 * What became of a request, or of a delivery that was taken:
 *
 * - `refused`: another path, method or token; `too-large`, `unreadable`: a genuine path, and a body that is none;
 *   `full`: too many were waiting; `repeated`: taken before
 * - `ended`: its wait was ended; `not-awaited`: no one waits for that generation (any more); `unfinished`: the service
 *   itself does not show the job ended yet; `unknown-job`: the account has no such job; `unconfirmed`: the service or
 *   Temporal did not answer
 */
export const DELIVERY_ENDS = [
  'refused',
  'too-large',
  'unreadable',
  'full',
  'repeated',
  'ended',
  'not-awaited',
  'unfinished',
  'unknown-job',
  'unconfirmed',
] as const;
export type DeliveryEnd = (typeof DELIVERY_ENDS)[number];

/** Counts since the start, and since they were last told. */
export class DeliveryCounts {
  readonly #all = new Map<DeliveryEnd, number>();
  #untold = 0;

  note(end: DeliveryEnd): void {
    this.#all.set(end, (this.#all.get(end) ?? 0) + 1);
    this.#untold += 1;
  }

  /** All counts, where something has happened since they were last taken. */
  takeNews(): Readonly<Record<string, number>> | undefined {
    if (this.#untold === 0) return undefined;
    this.#untold = 0;
    return this.read();
  }

  read(): Readonly<Record<string, number>> {
    return Object.fromEntries(DELIVERY_ENDS.flatMap((end) => this.#entry(end)));
  }

  #entry(end: DeliveryEnd): readonly [DeliveryEnd, number][] {
    const count = this.#all.get(end);
    return count === undefined ? [] : [[end, count]];
  }
}
