import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobTimes } from '../../../../src/activities/worker/job-times.js';
import { chance } from '../../../../src/local/sandbox/seeded-chance.js';
import {
  heardLateMs,
  nextPollDelayMs,
  pollTimesOf,
  stillEarlyMs,
} from '../../../../src/domain/time/poll-schedule.js';

const pro = { model: 'pro', resolution: '1K', inputImages: [] } as const;
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const times = fc
  .tuple(fc.nat(3_600_000), fc.nat(3_600_000))
  .map(([firstMs, more]) => ({ firstMs, easeAfterMs: firstMs + more }));

/** Runs jobs through a window, one after the other in each of its slots; the rows learn job times from each other. */
function simulate(options: {
  readonly jobs: number;
  readonly window: number;
  /** Seconds that the job with that number takes; `share` in [0, 1) is random. */
  readonly takes: (job: number, share: number) => number;
  /** How late a create may be reported. Default 200 ms. */
  readonly heardMs?: number;
}) {
  const known = new JobTimes();
  const polls: number[] = [];
  const delaysMs: number[] = [];
  const underWay = new Set<{ atMs: number; step: () => boolean }>();
  let nowMs = 0;
  let made = 0;
  const start = (): void => {
    const job = made++;
    const share = (what: string): number => chance('polls', what, job);
    const endsAtMs =
      nowMs - (options.heardMs ?? 200) * share('heard') + 1_000 * options.takes(job, share('takes'));
    const answeredAtMs = nowMs;
    const ageMs = (): number => nowMs - answeredAtMs;
    const wait = (): number =>
      nextPollDelayMs({
        ageMs: ageMs(),
        polls: count,
        times: known.pollTimes(pro),
        random: share(`poll ${count}`),
      });
    let [count, unfinishedMs, reconsidered] = [0, 0, false];
    const row = {
      atMs: nowMs + wait(),
      step: (): boolean => {
        const earlyMs = count > 0 || reconsidered ? 0 : stillEarlyMs(ageMs(), known.pollTimes(pro));
        reconsidered = true;
        if (earlyMs > 0) {
          row.atMs += earlyMs;
          return true;
        }
        count += 1;
        if (nowMs >= endsAtMs) {
          const endedAgoMs = 1_000 * (Math.floor(nowMs / 1_000) - Math.floor(endsAtMs / 1_000));
          known.note(pro, { endedAgoMs, unfinishedMs, endedMs: ageMs() });
          polls[job] = count;
          delaysMs[job] = nowMs - endsAtMs;
          return false;
        }
        unfinishedMs = ageMs();
        row.atMs += wait();
        return true;
      },
    };
    underWay.add(row);
  };
  while (made < options.window) start();
  while (underWay.size > 0) {
    let next = [...underWay].reduce((first, row) => (row.atMs < first.atMs ? row : first));
    nowMs = next.atMs;
    if (next.step()) continue;
    underWay.delete(next);
    if (made < options.jobs) start();
  }
  // The first jobs of a window were sent before any time was known.
  const learned = <T>(of: readonly T[]): T[] => of.slice(2 * options.window);
  const sorted = learned(delaysMs).toSorted((a, b) => a - b);
  return {
    polls: learned(polls).reduce((sum, one) => sum + one, 0) / learned(polls).length,
    medianMs: sorted[Math.floor(sorted.length / 2)] ?? NaN,
  };
}

const at = (ageMs: number): number =>
  nextPollDelayMs({ ageMs, polls: 5, times: { firstMs: 9_000, easeAfterMs: 20_000 }, random: 0.5 });

describe('polls of a job', () => {
  it('come at most about every 2 s and at least about every 15 s', () => {
    const input = fc.record({ ageMs: fc.nat(10 * 86_400_000), polls: fc.integer({ min: 1 }), times, random });
    fc.assert(
      fc.property(input, (one) => {
        const delayMs = nextPollDelayMs(one);
        expect(delayMs).toBeGreaterThanOrEqual(1_800);
        expect(delayMs).toBeLessThanOrEqual(16_500);
      }),
    );
  });

  it('start when such jobs are likely to end, within 2 s if that is past', () => {
    const input = fc.record({ ageMs: fc.nat(3_600_000), times, random });
    fc.assert(
      fc.property(input, (one) => {
        const { firstMs } = one.times;
        const first = nextPollDelayMs({ ...one, polls: 0 });
        expect(first).toBeGreaterThanOrEqual(Math.max(200, firstMs * 0.975 - one.ageMs));
        expect(first).toBeLessThanOrEqual(Math.max(2_200, firstMs * 1.025 - one.ageMs));
      }),
    );
  });

  it('become rarer the longer a job is overdue', () => {
    expect(at(20_000)).toBe(2_000);
    expect(at(40_000)).toBe(6_000);
    expect(at(3_600_000)).toBe(15_000);
  });

  it('are at most 3.5 per job and see the end after 1.3 s (median) for jobs of 8 to 25 s', () => {
    const seen = simulate({ jobs: 4_000, window: 100, takes: (_, share) => 8 + 17 * share });
    expect(seen.polls).toBeLessThanOrEqual(3.5);
    expect(seen.medianMs).toBeLessThanOrEqual(1_300);
  });

  it('are hardly more or later if a busy worker learns late of new jobs', () => {
    const seen = simulate({
      jobs: 2_000,
      window: 100,
      takes: (_, share) => 8 + 17 * share,
      heardMs: 4_000,
    });
    expect(seen.polls).toBeLessThanOrEqual(3.7);
    expect(seen.medianMs).toBeLessThanOrEqual(1_400);
  });

  it.for<{ jobs: string; takes: (job: number, share: number) => number; most: number; withinMs: number }>([
    { jobs: 'that all take 1 s', takes: () => 1, most: 1.1, withinMs: 600 },
    { jobs: 'that all take 10.3 s', takes: () => 10.3, most: 1.5, withinMs: 1_000 },
    {
      jobs: 'of which one in twenty takes minutes',
      takes: (job, share) => (job % 20 === 0 ? 120 + 180 * share : 8 + 17 * share),
      most: 5.5,
      withinMs: 1_400,
    },
    {
      jobs: 'of two kinds, mixed',
      takes: (job, share) => (job % 2 ? 4 + share : 30 + 5 * share),
      most: 9,
      withinMs: 1_300,
    },
    {
      jobs: 'of a queue that grows',
      takes: (job, share) => 8 + 4 * share + job / 20,
      most: 7,
      withinMs: 1_500,
    },
    {
      jobs: 'of a queue that shrinks',
      takes: (job, share) => 60 + 4 * share - job / 40,
      most: 1.5,
      withinMs: 5_000,
    },
  ])('stay few and timely for jobs $jobs', ({ takes, most, withinMs }) => {
    const seen = simulate({ jobs: 1_500, window: 100, takes });
    expect(seen.polls).toBeLessThanOrEqual(most);
    expect(seen.medianMs).toBeLessThanOrEqual(withinMs);
  });
});

describe('a job whose create was reported late', () => {
  it('is older by that, if the clocks of workers can be compared', () => {
    expect(heardLateMs(2_500, 400)).toBe(2_100);
    expect(heardLateMs(undefined, 400)).toBe(0);
    for (const off of [-3_600_000, 3_600_000]) expect(heardLateMs(2_500 + off, 400)).toBe(0);
  });
});

describe('learned job times', () => {
  it('stay within what was measured, whatever the clocks say', () => {
    const seen = fc.record({
      endedAgoMs: fc.option(fc.integer(), { nil: undefined }),
      unfinishedMs: fc.nat(50_000),
      more: fc.nat(50_000),
    });
    fc.assert(
      fc.property(fc.array(seen, { minLength: 5, maxLength: 400 }), (ends) => {
        const known = new JobTimes();
        for (const { endedAgoMs, unfinishedMs, more } of ends) {
          known.note(pro, { endedAgoMs, unfinishedMs, endedMs: unfinishedMs + more });
        }
        const kept = ends.slice(-256);
        const { firstMs } = known.pollTimes(pro);
        expect(firstMs).toBeGreaterThanOrEqual(Math.min(...kept.map((end) => end.unfinishedMs)) - 625);
        expect(firstMs).toBeLessThanOrEqual(
          Math.max(...kept.map((end) => end.unfinishedMs + end.more)) + 625,
        );
      }),
    );
  });

  it('are kept by model, resolution and mode, and need five jobs', () => {
    const known = new JobTimes();
    const unknown = known.pollTimes(pro);
    for (let job = 0; job < 4; job++) known.note(pro, { endedAgoMs: 500, unfinishedMs: 0, endedMs: 9_500 });
    expect(known.pollTimes(pro)).toEqual(unknown);
    known.note(pro, { endedAgoMs: 500, unfinishedMs: 0, endedMs: 9_500 });
    expect(known.pollTimes(pro)).toEqual(pollTimesOf(Array(5).fill(9_000)));
    for (const other of [
      { ...pro, model: 'nb2' as const },
      { ...pro, resolution: '4K' as const },
      { ...pro, inputImages: ['https://images.example/a.png'] },
    ]) {
      expect(known.pollTimes(other)).toEqual(unknown);
    }
  });
});
