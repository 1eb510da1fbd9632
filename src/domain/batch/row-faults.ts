import type { ModelMode } from './holds.js';

/** The step that a fault blocked: if others succeed at it, the fault is the row's own, otherwise not. */
export type FaultStep = `create:${ModelMode}` | 'job' | 'image';

/** When each step last succeeded, for any row. Milliseconds since the epoch. */
export type SucceededSteps = Readonly<Partial<Record<FaultStep, number>>>;

/** How long one row has failed at a step without success. */
export interface RowFault {
  readonly step: FaultStep;
  /** When the first of these attempts failed. Milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Time that the row itself spent failing, without holds and pauses. */
  readonly ownMs: number;
  readonly failures: number;
  /** When the last attempt failed, by a clock that stops in holds and pauses, and the name of that clock. */
  readonly clockMs: number;
  readonly clockId: string;
}

/** What happens to a row after a fault at a step. */
export type FaultVerdict =
  /** Nothing shows that the fault is the row's own: the scope is held, and the probe uses another row. */
  | { readonly kind: 'hold' }
  /** The row waits aside, and is retried after `waitMs`. */
  | { readonly kind: 'aside'; readonly waitMs: number }
  /** The row has failed for too long while others succeeded. */
  | { readonly kind: 'end' };

/** Default limit for failing creates of one row while those of others succeed. */
export const CREATE_FAULT_MS = 5 * 60_000;

/** With this many rows aside and no success of others in between, the fault is not the rows' own. */
const ASIDE_ROWS = 3;

/** A row must have failed this often, so that a single slow failure of an outage never ends it. */
const LEAST_FAILURES = 3;

/** Pauses double from a twentieth to a fifth of the row's limit. */
const FIRST_PAUSE_SHARE = 1 / 20;
const LONGEST_PAUSE_SHARE = 1 / 5;

/** Decides whose fault a fault is, from later successes of others and from the rows put aside without any. */
export class RowFaults {
  readonly #succeededMs: Map<FaultStep, number>;
  readonly #aside = new Map<FaultStep, Set<number>>();

  /** `succeeded`: what an earlier workflow run knew. */
  constructor(succeeded: SucceededSteps = {}) {
    // Object keys lose their type.
    this.#succeededMs = new Map(Object.entries(succeeded) as [FaultStep, number][]);
  }

  /** For the next workflow run. */
  get succeeded(): SucceededSteps {
    return Object.fromEntries(this.#succeededMs);
  }

  /** Records that a row, or a probe, succeeded in a step. */
  noteSuccess(step: FaultStep, atMs: number): void {
    if (atMs < (this.#succeededMs.get(step) ?? -Infinity)) return;
    this.#succeededMs.set(step, atMs);
    this.#aside.delete(step);
  }

  /** Whether others succeeded in the step since the row first failed at it. */
  isRowsOwn({ step, sinceMs }: Pick<RowFault, 'step' | 'sinceMs'>): boolean {
    return (this.#succeededMs.get(step) ?? -Infinity) > sinceMs;
  }

  /**
   * Judges a failed attempt of a row. `failedMs`: how long its last step failed; `limitMs`: the row's limit in total;
   * the time on the same clock since its last failure counts as the row's own. A row ends only if another one
   * succeeded in the same step after its first failure, or if it has `failedAlone` in an earlier run.
   */
  judge(
    row: number,
    before: RowFault | undefined,
    failed: {
      readonly step: FaultStep;
      readonly nowMs: number;
      readonly failedMs: number;
      readonly limitMs: number;
      readonly failedAlone?: boolean;
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
    if (!failed.failedAlone && !this.isRowsOwn(fault)) return { fault, verdict: { kind: 'hold' } };
    if (fault.ownMs >= limitMs && fault.failures >= LEAST_FAILURES)
      return { fault, verdict: { kind: 'end' } };
    const aside = this.#aside.get(step) ?? new Set();
    this.#aside.set(step, aside.add(row));
    if (aside.size >= ASIDE_ROWS) return { fault, verdict: { kind: 'hold' } };
    const doubled = FIRST_PAUSE_SHARE * 2 ** Math.min(10, fault.failures - 1);
    return { fault, verdict: { kind: 'aside', waitMs: limitMs * Math.min(LONGEST_PAUSE_SHARE, doubled) } };
  }
}
