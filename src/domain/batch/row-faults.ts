import type { ModelMode } from './holds.js';

/** What a fault kept from going through: others succeed at the same step, or the fault is not the row's. */
export type FaultStep = `create:${ModelMode}` | 'job' | 'image';

/** How long one row has failed at a step, in a row. */
export interface RowFault {
  readonly step: FaultStep;
  /** When the first try of them failed. Milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Time that the row itself spent failing: without holds and pauses. */
  readonly ownMs: number;
  readonly failures: number;
  /** When the last of them failed, by a clock that is stopped in holds and pauses; which clock, of several. */
  readonly clockMs: number;
  readonly clockId: string;
}

/** What becomes of a row after a fault at a step. */
export type FaultVerdict =
  /** Nothing shows that the fault is the row's: the scope is held, and the probe asks by another row. */
  | { readonly kind: 'hold' }
  /** It waits aside, and is tried again after `waitMs`. */
  | { readonly kind: 'aside'; readonly waitMs: number }
  /** It has failed for too long while others succeeded. */
  | { readonly kind: 'end' };

/** How long creates of one row may fail while those of others go through, unless set otherwise. */
export const CREATE_FAULT_MS = 5 * 60_000;

/** This many rows aside without a success of others in between are no faults of rows. */
const ASIDE_ROWS = 3;

/** Pauses double from a twentieth of what a row may fail to a fifth of it. */
const FIRST_PAUSE_SHARE = 1 / 20;
const LONGEST_PAUSE_SHARE = 1 / 5;

/** Whose fault a fault is: what others succeeded at since, and which rows were put aside without that. */
export class RowFaults {
  readonly #succeededMs = new Map<FaultStep, number>();
  readonly #aside = new Map<FaultStep, Set<number>>();

  /** Notes that a row got through a step, or a probe did. */
  noteSuccess(step: FaultStep, atMs: number): void {
    if (atMs < (this.#succeededMs.get(step) ?? -Infinity)) return;
    this.#succeededMs.set(step, atMs);
    this.#aside.delete(step);
  }

  /** Whether others got through the step since the row first failed at it. */
  isRowsOwn({ step, sinceMs }: Pick<RowFault, 'step' | 'sinceMs'>): boolean {
    return (this.#succeededMs.get(step) ?? -Infinity) > sinceMs;
  }

  /**
   * Judges a failed try of a row. `failedMs` is how long its last step failed, `limitMs` how long the row itself may
   * altogether; since its last failure it has failed by itself for as long as the same clock has run. A row ends only where
   * another one got through the same step after its first failure.
   */
  judge(
    row: number,
    before: RowFault | undefined,
    failed: {
      readonly step: FaultStep;
      readonly nowMs: number;
      readonly failedMs: number;
      readonly limitMs: number;
      readonly clock: { readonly id: string; readonly ms: number };
    },
  ): { readonly fault: RowFault; readonly verdict: FaultVerdict } {
    const { step, nowMs, failedMs, limitMs, clock } = failed;
    const same = before?.step === step ? before : undefined;
    const ownMs = same?.clockId === clock.id ? Math.max(0, clock.ms - same.clockMs) : failedMs;
    const fault: RowFault = {
      step,
      sinceMs: same?.sinceMs ?? nowMs - failedMs,
      ownMs: (same?.ownMs ?? 0) + ownMs,
      failures: (same?.failures ?? 0) + 1,
      clockMs: clock.ms,
      clockId: clock.id,
    };
    if (!this.isRowsOwn(fault)) return { fault, verdict: { kind: 'hold' } };
    if (fault.ownMs >= limitMs) return { fault, verdict: { kind: 'end' } };
    const aside = this.#aside.get(step) ?? new Set();
    this.#aside.set(step, aside.add(row));
    if (aside.size >= ASIDE_ROWS) return { fault, verdict: { kind: 'hold' } };
    const doubled = FIRST_PAUSE_SHARE * 2 ** Math.min(10, fault.failures - 1);
    return { fault, verdict: { kind: 'aside', waitMs: limitMs * Math.min(LONGEST_PAUSE_SHARE, doubled) } };
  }
}
