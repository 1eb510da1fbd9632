import { JobTimes, type JobKind } from '../../../src/activities/worker/job-times.js';
import { nextPollDelayMs, stillEarlyMs, type PollWait } from '../../../src/domain/time/poll-schedule.js';
import { chance } from '../../../src/local/sandbox/seeded-chance.js';

/** Seconds that the job of that number takes; `share` in [0, 1) is drawn for it. */
export type Takes = (job: number, share: number) => number;

export interface PolledJobs {
  readonly polls: number;
  readonly meanMs: number;
  readonly medianMs: number;
  /** The longest time between two polls of a job. */
  readonly longestGapMs: number;
}

const pro: JobKind = { model: 'pro', resolution: '1K', inputImages: [] };

/**
 * Jobs through a window, one after the other in each of its places; the rows that poll them learn from each other.
 * Measured are polls of a job and how late they see its end, from the job `from` on.
 */
export function simulatePolls(options: {
  readonly jobs: number;
  readonly window: number;
  readonly takes: Takes;
  /** How late the answer to a create may be known. Default 200 ms. */
  readonly heardMs?: number;
  /** Default: those after two windows, since the first are polled before anything is known. */
  readonly from?: number;
}): PolledJobs {
  const { from = 2 * options.window, heardMs = 200 } = options;
  const times = new JobTimes();
  const seen: { readonly polls: number; readonly lateMs: number }[] = [];
  const underWay = new Set<{ atMs: number; step: () => boolean }>();
  let nowMs = 0;
  let made = 0;
  let longestGapMs = 0;
  const start = (): void => {
    const job = made++;
    const share = (what: string): number => chance('polls', what, job);
    const endsAtMs = nowMs - heardMs * share('heard') + 1_000 * options.takes(job, share('takes'));
    const answeredAtMs = nowMs;
    const polled = times.enter(pro);
    let [polls, unfinishedMs, isReconsidered] = [0, 0, false];
    const wait = (): PollWait => ({
      ageMs: nowMs - answeredAtMs,
      polls,
      unfinishedMs,
      plan: polled.plan(),
      random: share(`poll ${polls}`),
    });
    const row = {
      atMs: nowMs + nextPollDelayMs(wait()),
      step: (): boolean => {
        const earlyMs = isReconsidered ? 0 : stillEarlyMs(wait());
        isReconsidered = !isReconsidered;
        if (earlyMs > 0) {
          row.atMs += earlyMs;
          return true;
        }
        isReconsidered = false;
        const ageMs = nowMs - answeredAtMs;
        if (polls > 0) longestGapMs = Math.max(longestGapMs, ageMs - unfinishedMs);
        polls += 1;
        if (nowMs >= endsAtMs) {
          const endedAgoMs = Math.max(0, 1_000 * (Math.floor(nowMs / 1_000) - Math.floor(endsAtMs / 1_000)));
          polled.noteEnd({ endedAgoMs, unfinishedMs, endedMs: ageMs, polls });
          polled.leave();
          if (job >= from) seen.push({ polls, lateMs: nowMs - endsAtMs });
          return false;
        }
        unfinishedMs = ageMs;
        polled.noteUnfinished(ageMs);
        row.atMs += nextPollDelayMs(wait());
        return true;
      },
    };
    underWay.add(row);
  };
  while (made < options.window) start();
  while (underWay.size > 0) {
    const next = [...underWay].reduce((first, row) => (row.atMs < first.atMs ? row : first));
    nowMs = next.atMs;
    if (next.step()) continue;
    underWay.delete(next);
    if (made < options.jobs) start();
  }
  const sorted = seen.map(({ lateMs }) => lateMs).toSorted((a, b) => a - b);
  return {
    polls: meanOf(seen.map(({ polls }) => polls)),
    meanMs: meanOf(sorted),
    medianMs: sorted[Math.floor(sorted.length / 2)] ?? NaN,
    longestGapMs,
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}
