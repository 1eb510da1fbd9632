import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobTimes, MOST_GETS, type JobKind } from '../../../../src/activities/worker/job-times.js';
import { pollPlanOf } from '../../../../src/domain/time/poll-table.js';
import { simulatePolls, type Takes } from '../../../support/simulation/polled-jobs.js';

const pro: JobKind = { model: 'pro', resolution: '1K', inputImages: [] };

const noteEnds = (times: JobTimes, kind: JobKind, tookMs: readonly number[], polls = 3): void => {
  for (const endedMs of tookMs)
    times.enter(kind).noteEnd({ endedAgoMs: undefined, unfinishedMs: endedMs, endedMs, polls });
};

describe('polls of jobs that a worker learns from', () => {
  it.for<{ jobs: string; takes: Takes; heardMs?: number; meanMs?: number; medianMs?: number }>([
    { jobs: 'of 8 to 25 s', takes: (_, share) => 8 + 17 * share, meanMs: 1_400 },
    {
      jobs: 'of 8 to 25 s, heard of late',
      takes: (_, share) => 8 + 17 * share,
      heardMs: 4_000,
      meanMs: 1_450,
    },
    { jobs: 'of 10 s ±20 %', takes: (_, share) => 8 + 4 * share, medianMs: 500 },
    {
      jobs: 'of 10 s ±20 %, one in 100 takes 2.5 times as long',
      takes: (job, share) => (8 + 4 * share) * (job % 100 === 7 ? 2.5 : 1),
      meanMs: 500,
      medianMs: 500,
    },
    {
      jobs: 'of 8 to 25 s, one in 100 takes 2.5 times as long',
      takes: (job, share) => (8 + 17 * share) * (job % 100 === 7 ? 2.5 : 1),
      meanMs: 1_450,
    },
    {
      jobs: 'of two kinds, mixed',
      takes: (job, share) => (job % 2 ? 4 + share : 30 + 5 * share),
      meanMs: 750,
    },
  ])('are at most 3.5 a job and see its end soon, for jobs $jobs', ({ takes, heardMs = 200, ...most }) => {
    const seen = simulatePolls({ jobs: 3_000, window: 100, takes, heardMs });
    expect(seen.polls).toBeLessThanOrEqual(3.5);
    expect(seen.meanMs).toBeLessThanOrEqual(most.meanMs ?? Infinity);
    expect(seen.medianMs).toBeLessThanOrEqual(most.medianMs ?? Infinity);
  });

  it.for<{ jobs: string; takes: Takes; polls: number; medianMs: number }>([
    { jobs: 'that take no time', takes: () => 0.02, polls: 1.01, medianMs: 600 },
    { jobs: 'that all take 1 s', takes: () => 1, polls: 1.15, medianMs: 150 },
    { jobs: 'that all take 10.3 s', takes: () => 10.3, polls: 2.1, medianMs: 400 },
    {
      jobs: 'of which one in twenty takes minutes',
      takes: (job, share) => (job % 20 === 0 ? 120 + 180 * share : 8 + 17 * share),
      polls: 4.5,
      medianMs: 2_000,
    },
    {
      jobs: 'with a heavy tail, up to an hour',
      takes: (_, share) => Math.min(3_600, 8 * (1 - share) ** (-1 / 1.2)),
      polls: 4.5,
      medianMs: 3_000,
    },
    {
      jobs: 'of 1 to 10 minutes',
      takes: (_, share) => 60 + 540 * share,
      polls: 20,
      medianMs: 8_000,
    },
    {
      jobs: 'of a queue that grows',
      takes: (job, share) => 8 + 4 * share + job / 20,
      polls: 7,
      medianMs: 1_500,
    },
    {
      jobs: 'of a queue that shrinks',
      takes: (job, share) => 60 + 4 * share - job / 40,
      polls: 1.5,
      medianMs: 5_000,
    },
  ])('stay few and soon for jobs $jobs', ({ takes, polls, medianMs }) => {
    const seen = simulatePolls({ jobs: 1_500, window: 100, takes });
    expect(seen.polls).toBeLessThanOrEqual(polls);
    expect(seen.medianMs).toBeLessThanOrEqual(medianMs);
    expect(seen.longestGapMs).toBeLessThanOrEqual(15_000.001);
  });

  it.for([
    { before: 10, after: 40 },
    { before: 40, after: 10 },
  ])('follow jobs that took $before s and now take $after s', ({ before, after }) => {
    const takes: Takes = (job, share) => (job < 600 ? before : after) * (0.8 + 0.4 * share);
    const seen = simulatePolls({ jobs: 2_000, window: 100, takes, from: 1_200 });
    expect(seen.polls).toBeLessThanOrEqual(3.6);
    expect(seen.medianMs).toBeLessThanOrEqual(after === 10 ? 500 : 1_200);
  });
});

describe('what is known of how long jobs take', () => {
  it('lies within what was seen of them, whatever the clocks say', () => {
    const seen = fc.record({
      endedAgoMs: fc.option(fc.integer(), { nil: undefined }),
      unfinishedMs: fc.nat(50_000),
      more: fc.nat(50_000),
    });
    fc.assert(
      fc.property(fc.array(seen, { minLength: 5, maxLength: 400 }), (ends) => {
        const times = new JobTimes();
        for (const { endedAgoMs, unfinishedMs, more } of ends) {
          const endedMs = unfinishedMs + more;
          times.enter(pro).noteEnd({ endedAgoMs, unfinishedMs, endedMs, polls: 3 });
        }
        const { firstMs } = times.enter(pro).plan();
        expect(firstMs).toBeGreaterThanOrEqual(Math.min(...ends.map((end) => end.unfinishedMs)) / 2 - 1_000);
        const lastMs = Math.max(...ends.map((end) => end.unfinishedMs + end.more));
        expect(firstMs).toBeLessThanOrEqual(1.5 * lastMs + 16_000);
      }),
      { numRuns: 30 },
    );
  });

  it('is kept apart by resolution and mode and begins with five; until then the model’s earliest plan applies', () => {
    const times = new JobTimes();
    const unknown = times.enter(pro).plan();
    noteEnds(times, pro, [9_000, 9_000, 9_000, 9_000]);
    expect(times.enter(pro).plan()).toBe(unknown);
    noteEnds(times, pro, [9_000]);
    const known = times.enter(pro).plan();
    const own = pollPlanOf({ tookMs: Array(5).fill(9_000), unfinishedMs: [] }, MOST_GETS);
    expect(known.firstMs).toBe(own?.firstMs);
    const slow = { ...pro, resolution: '4K' as const };
    for (const other of [slow, { ...pro, inputImages: ['https://images.example/a.png'] }])
      expect(times.enter(other).plan()).toBe(known);
    expect(times.enter({ ...pro, model: 'nb2' }).plan()).toBe(unknown);
    noteEnds(times, slow, Array(5).fill(30_000));
    expect(times.enter(slow).plan().firstMs).toBeGreaterThan(29_000);
    expect(times.enter({ ...slow, resolution: '2K' }).plan()).toBe(known);
  });

  it('learns nothing from jobs of unknown age, such as those of an earlier run', () => {
    const times = new JobTimes();
    const unknown = times.enter(pro).plan();
    for (let job = 0; job < 9; job++) {
      times
        .enter(pro, { isAgeKnown: false })
        .noteEnd({ endedAgoMs: 3_600_000, unfinishedMs: 0, endedMs: 500, polls: 1 });
    }
    expect(times.enter(pro).plan()).toBe(unknown);
  });

  it('counts jobs that are still running, so that the quick ones of a window do not make all seem quick', () => {
    const plans = [0, 95].map((running) => {
      const times = new JobTimes();
      const jobs = Array.from({ length: 5 + running }, () => times.enter(pro));
      for (const job of jobs.slice(5)) job.noteUnfinished(9_000);
      for (const job of jobs.slice(0, 5))
        job.noteEnd({ endedAgoMs: undefined, unfinishedMs: 8_500, endedMs: 8_500, polls: 3 });
      return times.enter(pro).plan().firstMs;
    });
    expect(plans[0]).toBeLessThan(10_000);
    expect(plans[1]).toBeGreaterThan(10_000);
  });

  it('allows fewer polls while copies need GETs of their own', () => {
    const spread = Array.from({ length: 128 }, (_, job) => 8_000 + (17_000 * job) / 128);
    const gaps = [MOST_GETS, MOST_GETS - 1].map((most) => {
      const times = new JobTimes(undefined, () => most);
      noteEnds(times, pro, spread);
      const { firstMs, nextMs } = times.enter(pro).plan();
      return nextMs(firstMs) - firstMs;
    });
    expect(gaps[1]).toBeGreaterThan(gaps[0] ?? Infinity);
  });
});
