import { counted } from '../../domain/text/full-stop.js';
import type { ToldHold } from '../../domain/batch/notice.js';
import type { Pause } from '../../domain/batch/pause.js';
import type { Tally } from '../../domain/batch/tally.js';

/** A running batch at one check. */
export interface BatchObservation {
  readonly holds: readonly ToldHold[];
  /** Why the batch paused itself. */
  readonly pauses: readonly Pause[];
  /** Rows are being made, or will be: neither a person nor the service has asked it to wait. */
  readonly isAtWork: boolean;
  readonly tally: Tally;
  /** Usual maximum duration of its jobs; undefined if unknown. */
  readonly usualMs?: number | undefined;
  /** How long it takes to create, or poll, all its jobs in flight at the rate set by `rate`; absent without a rate. */
  readonly turnMs?: number | undefined;
  /** Number of workers that run workflows; undefined if unknown. */
  readonly workers: number | undefined;
}

/** What a watch has seen and reported; small, since it is part of every heartbeat. Times are milliseconds since the epoch. */
export interface WatchMemory {
  readonly lookedAtMs: number;
  /** All counts of the tally as one text. */
  readonly counts: string;
  readonly movedAtMs: number;
  /** How much of the time since then it was seen running. */
  readonly standstillMs: number;
  readonly stuckTold: boolean;
  readonly holdsTold: readonly { readonly scope: string; readonly since: string; readonly atMs: number }[];
  readonly pausesTold: readonly { readonly kind: string; readonly since: string }[];
}

/** What to send a notice of. */
export type WatchNews =
  | { readonly kind: 'held'; readonly hold: ToldHold }
  | { readonly kind: 'paused'; readonly pause: Pause }
  | { readonly kind: 'stuck'; readonly message: string; readonly movedAtMs: number };

export interface WatchLimits {
  /** Minimum age of a hold before its notice. */
  readonly holdToldAfterMs: number;
  /** Minimum duration of a standstill before its notice. */
  readonly stuckToldAfterMs: number;
  /** The interval of the checks. */
  readonly everyMs: number;
}

/** Minimum interval between notices of holds of one scope. */
const SAME_SCOPE_MS = 30 * 60_000;

/**
 * The notices after one more check of a batch, and what to remember once they are sent. Each hold, pause and
 * standstill is reported once. A batch is stuck if it was seen running, with nothing held and no count changed, for
 * longer than is usual for its jobs and its pace; time without checks does not count.
 */
export function watchBatch(
  before: WatchMemory | undefined,
  observed: BatchObservation,
  { nowMs, holdToldAfterMs, stuckToldAfterMs, everyMs }: WatchLimits & { readonly nowMs: number },
): { readonly memory: WatchMemory; readonly news: readonly WatchNews[] } {
  const counts = JSON.stringify(Object.values(observed.tally));
  const last = before ?? { ...NOTHING_SEEN, lookedAtMs: nowMs, counts, movedAtMs: nowMs };
  const moved = counts !== last.counts;
  const isCalm = observed.isAtWork && observed.holds.length === 0 && observed.pauses.length === 0;
  const seenMs = isCalm ? Math.max(0, Math.min(nowMs - last.lookedAtMs, 2 * everyMs)) : 0;
  const standstillMs = moved ? 0 : last.standstillMs + seenMs;
  const movedAtMs = moved ? nowMs : last.movedAtMs;
  const stuckTold = !moved && last.stuckTold;
  const patienceMs = Math.max(stuckToldAfterMs, 2 * (observed.usualMs ?? 0), 2 * (observed.turnMs ?? 0));
  const isStuck = isCalm && !stuckTold && standstillMs >= patienceMs;
  const holds = observed.holds.filter(
    ({ scope, since }) =>
      nowMs - Date.parse(since) >= holdToldAfterMs &&
      !last.holdsTold.some(
        (reported) =>
          reported.scope === scope && (reported.since === since || nowMs - reported.atMs < SAME_SCOPE_MS),
      ),
  );
  const pauses = observed.pauses.filter(
    ({ kind, since }) =>
      !last.pausesTold.some((reported) => reported.kind === kind && reported.since === since),
  );
  return {
    memory: {
      lookedAtMs: nowMs,
      counts,
      movedAtMs,
      standstillMs,
      stuckTold: stuckTold || isStuck,
      holdsTold: [
        ...last.holdsTold.filter(({ scope }) => !holds.some((hold) => hold.scope === scope)),
        ...holds.map(({ scope, since }) => ({ scope, since, atMs: nowMs })),
      ],
      pausesTold: [
        ...last.pausesTold.filter(({ kind }) => !pauses.some((pause) => pause.kind === kind)),
        ...pauses.map(({ kind, since }) => ({ kind, since })),
      ],
    },
    news: [
      ...holds.map((hold) => ({ kind: 'held', hold }) as const),
      ...pauses.map((pause) => ({ kind: 'paused', pause }) as const),
      ...(isStuck
        ? [{ kind: 'stuck', message: stuckMessage(observed, standstillMs), movedAtMs } as const]
        : []),
    ],
  };
}

const NOTHING_SEEN = { standstillMs: 0, stuckTold: false, holdsTold: [], pausesTold: [] } as const;

function stuckMessage({ tally, workers }: BatchObservation, standstillMs: number): string {
  const { stored, total, pending, inFlight, copying } = tally;
  const minutes = Math.max(1, Math.round(standstillMs / 60_000));
  const counts = `${counted(pending, 'row')} pending, ${inFlight} in flight, ${copying} being copied, ${stored} of ${total} stored`;
  const noWorker = workers === 0 ? ' No worker is running: start one with `banana-batch worker`.' : '';
  return `no progress for ${minutes} min, for no known reason (${counts}).${noWorker}`;
}
