import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HoldScope } from '../../../src/domain/batch/holds.js';
import type { SandboxPatch } from '../../../src/local/sandbox/index.js';
import { resultAcceptingLosses } from '../../support/batches/accept-losses.js';
import { expectRecovered } from '../../support/batches/batch-verdict.js';
import { withProxiedRuns, type BatchRuns } from '../../support/batches/batch-runs.js';
import { CREATES, HALF_A_DOCUMENT, htmlPage } from '../../support/services/fault-answers.js';
import { eventually } from '../../support/eventually.js';
import {
  pauseUpdate,
  resumeUpdate,
  setUpdate,
  snapshotQuery,
} from '../../../src/workflows/protocol/batch-messages.js';
import { startTestStack, type TestStack } from '../../support/stack/test-stack.js';
import { untilHeld } from '../../support/batches/until-held.js';

const ROWS = 12;

const slug = (text: string): string => text.toLowerCase().replaceAll(/\W+/g, '-');
const rowsOf = (name: string, mark = ''): string[] =>
  Array.from({ length: ROWS }, (_, row) => `${name} ${row} ${mark}`);

/** The longest time without any of the times, from `fromMs` to six seconds later. */
function longestGapMs(timesMs: readonly number[], fromMs: number): number {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const gaps = sorted.map((atMs, index) => ({ startMs: sorted[index - 1] ?? atMs, endMs: atMs }));
  return Math.max(
    ...gaps
      .filter(({ startMs, endMs }) => endMs > fromMs && startMs < fromMs + 6_000)
      .map(({ startMs, endMs }) => endMs - startMs),
  );
}

/** Temporary faults: the batch finishes correctly although they occur often. */
const PASSING: readonly { fault: string; patch: SandboxPatch; seen: RegExp }[] = [
  {
    fault: 'loses answers after the job was made',
    patch: { rates: { 'create-lost-answer': 0.3, 'create-lost-to-504': 0.3 } },
    seen: /^create-lost/,
  },
  {
    fault: 'answers 429 in both forms',
    patch: {
      rates: {
        'create-429-seconds': 0.2,
        'create-429-date': 0.2,
        'poll-429-seconds': 0.2,
        'poll-429-date': 0.2,
      },
    },
    seen: /-429-/,
  },
  {
    fault: 'answers with the error pages of a proxy',
    patch: { rates: { 'create-html-error': 0.3, 'poll-html-error': 0.3 } },
    seen: /-html-error$/,
  },
  {
    fault: 'sends truncated, cut and wrong images',
    patch: { rates: { 'image-truncated': 0.2, 'image-cut': 0.2, 'image-wrong-body': 0.2 } },
    seen: /^image-(truncated|cut|wrong-body)$/,
  },
  {
    fault: 'gives URLs that have expired',
    patch: { rates: { 'image-expired': 0.3 } },
    seen: /^image-expired$/,
  },
  {
    fault: 'says done without a result',
    patch: { rates: { 'poll-no-result': 0.5 } },
    seen: /^poll-no-result$/,
  },
  {
    fault: 'has a status that nobody knows',
    patch: {
      // Long enough to be polled before they end.
      jobTimeMs: { min: 5_500, max: 7_500 },
      rates: { 'poll-unknown-status': 0.9, 'poll-pause-notice': 0.5 },
    },
    seen: /^poll-(unknown-status|pause-notice)$/,
  },
];

async function untilBought({ sandbox }: Pick<BatchRuns, 'sandbox'>, count: number): Promise<void> {
  await eventually(() => sandbox.stats().jobsMade >= count, {
    what: `${count} jobs are made`,
    withinMs: 150_000,
  });
}

describe('a batch whose service', { timeout: 500_000 }, () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack();
  });
  afterAll(() => stack?.stop());

  const jobTimeMs = { min: 200, max: 600 };
  const gone = { goneAfterLooks: 4, goneAfterMs: 1_000 };
  const limits = { serviceFaultMs: 20_000, imageFaultMs: 60_000, ...gone };
  const short = { serviceFaultMs: 600, imageFaultMs: 1_500, ...gone };

  it.concurrent.for(PASSING)('$fault: stores every row and pays each once', ({ fault, patch, seen }) =>
    withProxiedRuns({ stack, sandbox: { jobTimeMs, ...patch }, limits }, async (runs) => {
      const name = slug(fault);
      const faultOver = performance.now();
      const handle = await runs.start(name, rowsOf(name));
      expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
      const { jobs } = await expectRecovered(runs, {
        fault: `API ${fault}`,
        batchId: name,
        rows: ROWS,
        faultOver,
      });
      expect(jobs).toBe(ROWS);
      const played = Object.entries(runs.sandbox.stats().misbehaviours);
      const counts = played.flatMap(([misbehaviour, count]) => (seen.test(misbehaviour) ? count : []));
      expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(2);
    }),
  );

  it.concurrent.for([
    { answer: '502 with a page of HTML', behaviour: htmlPage(502) },
    { answer: '521 with a page of HTML', behaviour: htmlPage(521) },
    { answer: '524 with a page of HTML', behaviour: htmlPage(524) },
    { answer: '200 with half a document', behaviour: HALF_A_DOCUMENT },
  ])('answers $answer for too long: is held, and continues by itself', ({ answer, behaviour }) =>
    withProxiedRuns({ stack, sandbox: { jobTimeMs }, limits: short }, async (runs) => {
      const name = slug(answer);
      const handle = await runs.start(name, rowsOf(name), { concurrency: 4 });
      await untilBought(runs, 4);
      runs.proxies.api.behave(behaviour);
      await untilHeld(handle, 'service');
      const faultOver = performance.now();
      runs.proxies.api.calm();
      expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
      const facts = { fault: `API answers ${answer}, held`, batchId: name, rows: ROWS, faultOver };
      expect((await expectRecovered(runs, facts)).jobs).toBe(ROWS);
    }),
  );

  it.concurrent('answers creates with the id of an earlier job: is held, and stores no image twice', () =>
    withProxiedRuns({ stack, sandbox: { jobTimeMs }, limits: short }, async (runs) => {
      const handle = await runs.start('repeated-job', rowsOf('repeated-job'), { concurrency: 4 });
      await untilBought(runs, 4);
      const body = JSON.stringify({ job_id: runs.sandbox.jobs()[0]?.jobId, status: 'queued' });
      runs.proxies.api.behave({ kind: 'answer', answer: { status: 202, body } }, CREATES);
      await eventually(
        async () =>
          (await handle.query(snapshotQuery)).holds.some(({ message }) =>
            message.includes('another row or generation already has'),
          ),
        { what: 'the service is held for it', withinMs: 60_000 },
      );
      const faultOver = performance.now();
      runs.proxies.api.calm();
      expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
      const facts = { fault: 'API repeats a job id', batchId: 'repeated-job', rows: ROWS, faultOver };
      const { jobs, report } = await expectRecovered(runs, facts);
      expect([jobs, report.sameBytes]).toEqual([ROWS, { images: 0, examples: [] }]);
    }));

  it.concurrent.for<{ fault: string; broken: SandboxPatch; repaired: SandboxPatch; scope: HoldScope }>([
    {
      fault: 'runs out of funds',
      broken: { balance: '0' },
      repaired: { balance: '1000' },
      scope: 'account',
    },
    {
      fault: 'refuses the key',
      broken: { keyRevoked: true },
      repaired: { keyRevoked: false },
      scope: 'account',
    },
    {
      fault: 'pauses the model',
      broken: { pausedModels: ['pro'] },
      repaired: { pausedModels: [] },
      scope: 'model:pro:text',
    },
  ])('$fault in the middle: is held, and continues by itself', ({ fault, broken, repaired, scope }) =>
    withProxiedRuns({ stack, sandbox: { jobTimeMs }, limits }, async (runs) => {
      const name = slug(fault);
      const handle = await runs.start(name, rowsOf(name), { concurrency: 4 });
      await untilBought(runs, 4);
      runs.sandbox.configure(broken);
      await untilHeld(handle, scope);
      const faultOver = performance.now();
      runs.sandbox.configure(repaired);
      expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
      const facts = { fault: `API ${fault}`, batchId: name, rows: ROWS, faultOver };
      expect((await expectRecovered(runs, facts)).jobs).toBe(ROWS);
    }),
  );

  it.concurrent('has slightly less than a price left: does not flap, with several shards', () =>
    // Three shards, money for two and a half jobs.
    withProxiedRuns({ stack, sandbox: { jobTimeMs, balance: '0.20' }, limits }, async (runs) => {
      const rows = 1_100;
      const prompts = Array.from({ length: rows }, (_, row) => `under the price ${row}`);
      const settings = { probeFirstMs: 500, probeLongestMs: 500, concurrency: 30, graceMs: 60_000 };
      const handle = await runs.start('under-the-price', prompts, settings);
      await untilHeld(handle, 'account');
      const looks = (): number => runs.sandbox.stats().balanceReads['200'] ?? 0;
      const untilLooked = (times: number) =>
        eventually(() => looks() >= times, {
          what: `the balance is looked at ${times} times`,
          withinMs: 150_000,
        });
      await untilLooked(2);
      // A workflow task in progress adds its end to the history.
      await eventually(async () => !(await handle.describe()).raw.pendingWorkflowTask, {
        what: 'the workflow is at rest',
        withinMs: 150_000,
      });
      const [looksBefore, createsBefore] = [looks(), runs.proxies.api.count(CREATES)];
      const eventsBefore = (await handle.describe()).historyLength;
      const startedAt = performance.now();
      await untilLooked(looksBefore + 8);
      // However long a hold lasts, it adds nothing to the history.
      expect((await handle.describe()).historyLength).toBe(eventsBefore);
      const steps = (performance.now() - startedAt) / settings.probeFirstMs;
      expect(looks() - looksBefore).toBeLessThanOrEqual(2 * steps + 2);
      expect(runs.proxies.api.count(CREATES) - createsBefore).toBeLessThanOrEqual(steps + 1);
      expect(runs.sandbox.stats().jobsMade).toBe(2);
      const faultOver = performance.now();
      runs.sandbox.configure({ balance: '4' });
      await untilBought(runs, 40);
      await handle.cancel();
      expect(await handle.result()).toMatchObject({ end: 'cancelled' });
      const fault = 'API balance under the price, three shards, then cancelled';
      await expectRecovered(runs, { fault, batchId: 'under-the-price', rows, faultOver });
    }));

  it.concurrent('asks one create to wait: no shard sends requests, and all continue more slowly', () =>
    // Jobs are polled late: otherwise all rows would be bought before the test is over.
    withProxiedRuns(
      { stack, sandbox: { jobTimeMs, retryAfterSeconds: 6 }, limits: { ...limits, firstPollMs: 5_000 } },
      async (runs) => {
        const [rows, concurrency] = [520, 120];
        const prompts = Array.from({ length: rows }, (_, row) => `asked to wait ${row}`);
        const handle = await runs.start('asked-to-wait', prompts, { concurrency });
        const pace = async () => (await handle.query(snapshotQuery)).pace;
        const untilPaced = (most: number) =>
          eventually(async () => (await pace())?.concurrency === most, {
            what: `the pace is ${most}`,
            withinMs: 150_000,
          });
        const waitedAtMs: number[] = [];
        const untilAllWait = async (most: number): Promise<void> => {
          await untilPaced(most);
          const { asOf, pace: paced } = await handle.query(snapshotQuery);
          expect(Date.parse(paced?.notBefore ?? '')).toBeGreaterThan(Date.parse(asOf));
          waitedAtMs.push(Date.parse(asOf));
          await untilBought(runs, runs.sandbox.stats().jobsMade + 2);
        };
        await untilBought(runs, 20);
        runs.sandbox.configure({ next: { 'create-429-seconds': 3 } });
        expect((await handle.query(snapshotQuery)).openShards).toHaveLength(2);
        await untilAllWait(60);
        // Nothing is bought while the concurrency grows by its first step.
        await handle.executeUpdate(pauseUpdate);
        await untilPaced(84);
        runs.sandbox.configure({ next: { 'create-429-date': 3 } });
        await handle.executeUpdate(resumeUpdate, { args: [undefined] });
        await untilAllWait(42);
        const set = await handle.executeUpdate(setUpdate, { args: [{ concurrency: 20 }] });
        expect(set).toMatchObject({ concurrency: 20, pace: { concurrency: 7 } });
        await handle.executeUpdate(setUpdate, { args: [{ concurrency: 200 }] });
        await handle.cancel();
        expect(await handle.result()).toMatchObject({ end: 'cancelled' });
        const { jobsMade, retriedTooEarly, tooManyRequests } = runs.sandbox.stats();
        expect({ retriedTooEarly, tooManyRequests }).toEqual({ retriedTooEarly: 0, tooManyRequests: 6 });
        expect(new Set(runs.sandbox.jobs().map(({ promptSha256 }) => promptSha256)).size).toBe(jobsMade);
        // No shard creates for the five to six seconds of Retry-After; requests already sent still arrive.
        const madeMs = runs.sandbox.jobs().map(({ createdAt }) => createdAt);
        for (const waitedMs of waitedAtMs) expect(longestGapMs(madeMs, waitedMs)).toBeGreaterThan(3_500);
      },
    ));

  it.concurrent('fails each row’s first job: each is bought again', () =>
    withProxiedRuns({ stack, sandbox: { jobTimeMs }, limits }, async (runs) => {
      const faultOver = performance.now();
      const handle = await runs.start('flaky', rowsOf('flaky', '[[flaky]]'));
      expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
      const facts = { fault: 'every row flaky once', batchId: 'flaky', rows: ROWS, faultOver };
      expect((await expectRecovered(runs, facts)).jobs).toBe(2 * ROWS);
    }));

  it.concurrent('fails or forgets every job: rows fail after the allowed generations', () =>
    withProxiedRuns({ stack, sandbox: { jobTimeMs }, limits }, async (runs) => {
      const lost = 4;
      const prompts = rowsOf('hopeless').map(
        (prompt, row) => `${prompt}${row < lost ? '[[lost]]' : '[[flaky-always]]'}`,
      );
      const faultOver = performance.now();
      const handle = await runs.start('hopeless', prompts, { maxGenerations: 3, concurrency: ROWS });
      expect(await resultAcceptingLosses(handle)).toMatchObject({
        end: 'completed',
        tally: { failed: ROWS },
      });
      const facts = { fault: 'every job fails, or is a 404', batchId: 'hopeless', rows: ROWS, faultOver };
      const { jobs, outcomes } = await expectRecovered(runs, facts);
      expect(jobs).toBe(3 * ROWS);
      expect(outcomes.filter(({ end }) => end.kind !== 'failed' || end.failure !== 'flaky')).toEqual([]);
      expect(new Set(outcomes.flatMap(({ generations }) => generations.map(({ end }) => end)))).toEqual(
        new Set(['failed', 'gone']),
      );
    }));

  it.concurrent('forgets some jobs: exactly those are bought again', () =>
    withProxiedRuns({ stack, sandbox: { jobTimeMs, rates: { 'job-lost': 0.3 } }, limits }, async (runs) => {
      const faultOver = performance.now();
      const handle = await runs.start('forgotten', rowsOf('forgotten'));
      expect(await resultAcceptingLosses(handle)).toMatchObject({
        end: 'completed',
        tally: { stored: ROWS },
      });
      const facts = {
        fault: 'API answers 404 for three jobs of ten',
        batchId: 'forgotten',
        rows: ROWS,
        faultOver,
      };
      const { jobs } = await expectRecovered(runs, facts);
      expect(jobs - ROWS).toBe(runs.sandbox.stats().jobsLost);
      expect(jobs).toBeGreaterThan(ROWS);
    }));
});
