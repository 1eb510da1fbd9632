import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkSheet } from '../../../src/plan/rows/check-sheet.js';
import { localSheet } from '../../../src/sheet/fetch/sheet-file.js';
import { SheetInputs } from '../../../src/sheet/fetch/sheet-inputs.js';
import type { ScheduleName } from '../../../src/domain/batch/schedule-name.js';
import { backfillSchedule } from '../../../src/schedules/fire-now.js';
import type { FiringRecord } from '../../../src/schedules/firings/firing-records.js';
import { pinSheet } from '../../../src/schedules/pinned-sheet.js';
import { deleteSchedule, listSchedules, pauseSchedule } from '../../../src/schedules/schedule-client.js';
import { SheetSettings } from '../../../src/sheet/index.js';
import { eventually } from '../../support/eventually.js';
import { ACCESS_DENIED, puts } from '../../support/services/fault-answers.js';
import { startFaultProxy } from '../../support/services/fault-proxy.js';
import { historyText } from '../../support/batches/history-text.js';
import { samplePng } from '../../support/images/sample-images.js';
import { batchOf, scheduleBench } from '../../support/batches/schedule-bench.js';
import { startScriptedServer, type ScriptedServer } from '../../support/services/scripted-server.js';
import { startBatch } from '../../support/batches/start-batch.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const SkipNotice = z.object({
  event: z.literal('schedule.firing-skipped'),
  data: z.object({ schedule: z.string(), firingAt: z.string(), reason: z.string() }),
});

describe('a schedule', { timeout: 400_000 }, () => {
  let engine: TestEngine;
  let receiver: ScriptedServer;
  const notify = (): Readonly<Record<string, string>> => ({
    BANANA_NOTIFY_URL: `${receiver.origin}/notices`,
    BANANA_NOTIFY_SECRET: `whsec_${Buffer.from('a key of thirty-two bytes, or so').toString('base64')}`,
  });
  const bench = scheduleBench(() => engine);
  const { create, putSheet, schedule, trigger, firings, over, jobs } = bench;

  beforeAll(async () => {
    receiver = await startScriptedServer();
    receiver.answerWith((_, response) => void response.writeHead(204).end());
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 800, max: 1_500 } } });
    await engine.startWorker({ variables: notify() });
  });
  afterAll(async () => {
    await engine?.stop();
    await receiver?.close();
  });

  const client = () => engine.stack.temporal.client;

  /** The times that were reported to the receiver as skipped. */
  const reportedSkips = (name: ScheduleName): readonly string[] =>
    receiver.seen.flatMap(({ body }) => {
      const notice = SkipNotice.safeParse(JSON.parse(body)).data?.data;
      return notice?.schedule === name ? [notice.firingAt] : [];
    });

  /** Runs the schedule with that sheet and returns the record. */
  const fire = async (name: ScheduleName, prompts: readonly string[]): Promise<FiringRecord> => {
    await putSheet(name, prompts);
    const before = await firings(name);
    // Runs are identified by their second: a second run within it would be the same one.
    const last = before.flatMap((firing) => (firing.kind === 'recorded' ? [firing.record.firingAt] : []));
    const lastMs = Math.max(0, ...last.map((at) => Date.parse(at)));
    await eventually(() => Date.now() >= lastMs + 1_500, { what: 'the next second begins' });
    const triggered = await trigger(name);
    expect(triggered.kind).toBe('started');
    const [record] = (await over(name, before.length + 1)).slice(-1);
    if (!record) throw new Error('Nothing was recorded.');
    return record;
  };

  it.concurrent('that fires faster than its batches end runs what it can, and reports skipped runs', async () => {
    const prompts = ['fast 1', 'fast 2', 'fast 3', 'fast 4', 'fast 5'];
    await putSheet('fast', prompts);
    const everyMs = 10_000;
    const times = { kind: 'every', everyMs, offsetMs: 0 } as const;
    const name = await create('fast', { mode: 'fresh', times, concurrency: 1 });
    const records = await over(name, 6);
    await pauseSchedule(client(), name, 'seen enough');
    await eventually(async () => (await firings(name)).every(isOver), {
      what: 'the last one ends',
      withinMs: 60_000,
    });
    const all = await over(name, records.length);
    // Every time is accounted for, in its order.
    const at = all.map(({ firingAt }) => Date.parse(firingAt));
    expect(at).toEqual(at.map((_, index) => (at[0] ?? 0) + index * everyMs));
    const ran = all.filter(({ outcome }) => outcome.kind === 'ended');
    const skipped = all.filter(({ outcome }) => outcome.kind === 'skipped');
    expect(ran.length + skipped.length).toBe(all.length);
    expect(skipped.length).toBeGreaterThanOrEqual(2);
    expect(skipped[0]?.outcome).toMatchObject({
      reason: expect.stringMatching(/Batch "fast-\d+t\d+z" had been running/),
    });
    // None began while another was running, and each was bought once.
    for (const [index, { startedAt }] of ran.entries()) {
      expect(startedAt > (ran[index - 1]?.endedAt ?? '')).toBe(true);
    }
    expect(jobs(...prompts)).toBe(ran.length * 5);
    await eventually(() => reportedSkips(name).length === skipped.length, {
      what: 'all skips are told',
      withinMs: 90_000,
    });
    expect(reportedSkips(name).toSorted()).toEqual(skipped.map(({ firingAt }) => firingAt));
  });

  it.concurrent('fires on days with clock changes, with the local date and time', async () => {
    const days = async (
      text: string,
      timezone: string,
      expressions: string[],
      ranges: readonly (readonly [string, string])[],
    ): Promise<ScheduleName> => {
      await putSheet(text, [`${text} {{date}} {{time}}`]);
      const times = { kind: 'cron', expressions } as const;
      const name = await create(text, { mode: 'fresh', times, timezone });
      for (const [from, to] of ranges) {
        const range = { from: new Date(from), to: new Date(to) };
        await backfillSchedule(client(), name, range, 'allow-all');
      }
      return name;
    };
    const shown = async (name: ScheduleName, count: number): Promise<readonly string[]> => {
      const records = await over(name, count);
      expect(kindsOf(records)).toEqual(records.map(() => 'ended'));
      expect(new Set(records.map(batchOf)).size).toBe(count);
      return records.map(({ firingAt }) => firingAt);
    };
    const [berlin, newYork] = await Promise.all([
      days(
        'berlin',
        'Europe/Berlin',
        ['30 2 * * *'],
        [
          ['2026-03-28T01:30:00Z', '2026-03-30T00:30:00Z'],
          ['2026-10-25T00:00:00Z', '2026-10-26T01:30:00Z'],
        ],
      ),
      days(
        'new-york',
        'America/New_York',
        ['30 1 * * *'],
        [
          ['2026-03-08T00:00:00Z', '2026-03-08T23:00:00Z'],
          ['2026-11-01T00:00:00Z', '2026-11-01T23:00:00Z'],
        ],
      ),
    ]);
    expect(await shown(berlin, 4)).toEqual([
      '2026-03-28T01:30:00.000Z',
      // On the 29th there is no such time.
      '2026-03-30T00:30:00.000Z',
      '2026-10-25T01:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
    const berliners = ['03-28', '03-30', '10-25', '10-26'].map((day) => `berlin 2026-${day} 02:30`);
    expect(berliners.map((prompt) => jobs(prompt))).toEqual([1, 1, 1, 1]);
    // An hour that occurs twice: New York's time is there for both.
    expect(await shown(newYork, 3)).toEqual([
      '2026-03-08T06:30:00.000Z',
      '2026-11-01T05:30:00.000Z',
      '2026-11-01T06:30:00.000Z',
    ]);
    expect(['03-08', '11-01'].map((day) => jobs(`new-york 2026-${day} 01:30`))).toEqual([1, 2]);
    // Repeated by a backfill, a time already has its batch.
    const again = new Date('2026-03-28T01:30:00Z');
    await backfillSchedule(client(), berlin, { from: again, to: again });
    await eventually(async () => (await schedule(berlin)).recent.length === 5, {
      what: 'it fires again',
    });
    await eventually(async () => (await schedule(berlin)).running.length === 0, {
      what: 'it is over',
      withinMs: 90_000,
    });
    expect(jobs(...berliners)).toBe(4);
    expect((await over(berlin, 4))[0]?.outcome.kind).toBe('ended');
  });

  it.concurrent('whose workers missed three of its times runs one, and reports the others', async () => {
    await putSheet('away', ['away 1']);
    const taskQueue = 'away';
    const times = { kind: 'every', everyMs: 3_000, offsetMs: 0 } as const;
    const name = await create('away', { mode: 'changes', times, taskQueue });
    await eventually(async () => (await schedule(name)).skippedOverlap >= 2, {
      what: 'two are skipped',
      withinMs: 60_000,
    });
    await pauseSchedule(client(), name, 'nothing more');
    const { skippedOverlap } = await schedule(name);
    expect((await firings(name)).map(({ kind }) => kind)).toEqual(['waiting']);
    await engine.startWorker({ variables: { ...notify(), BANANA_TASK_QUEUE: taskQueue } });
    const records = await over(name, 1 + skippedOverlap);
    expect(kindsOf(records)).toEqual(['ended', ...Array.from({ length: skippedOverlap }, () => 'skipped')]);
    await eventually(() => reportedSkips(name).length === skippedOverlap, {
      what: 'all skips are told',
      withinMs: 90_000,
    });
    expect(jobs('away 1')).toBe(1);
  });

  it.concurrent.each([
    {
      mode: 'fresh',
      ends: ['ended', 'ended', 'ended', 'ended', 'ended', 'failed'],
      bought: [2, 7, 12, 13, 18, 18],
      reasons: [/it has no rows/],
    },
    {
      mode: 'changes',
      ends: ['ended', 'ended', 'nothing-to-do', 'failed', 'failed', 'failed'],
      bought: [2, 5, 5, 5, 5, 5],
      reasons: [/only 1 row of the 5/, /only 0 rows of the 5/, /it has no rows/],
    },
  ] as const)(
    'in mode $mode buys what the mode says from a sheet that grows and then breaks',
    async ({ mode, ends, bought, reasons }) => {
      const name = await create(`grown-${mode}`, { mode });
      const rows = Array.from({ length: 5 }, (_, row) => `${name} ${row}`);
      const others = rows.map((row) => `${row} of another id`);
      const seen: { readonly end: string; readonly bought: number }[] = [];
      for (const prompts of [rows.slice(0, 2), rows, rows, rows.slice(0, 1), others, []]) {
        const { outcome } = await fire(name, prompts);
        seen.push({ end: outcome.kind, bought: jobs(...rows, ...others) });
      }
      expect(seen).toEqual(ends.map((end, index) => ({ end, bought: bought[index] })));
      const failed = (await over(name, ends.length)).flatMap(({ outcome }) =>
        outcome.kind === 'failed' ? [outcome.reason] : [],
      );
      expect(failed).toEqual(reasons.map((reason): unknown => expect.stringMatching(reason)));
    },
  );

  it.concurrent('of mode changes keeps the images of rows that the sheet failed to load', async () => {
    const name = await create('loading', { mode: 'changes' });
    const rows = ['loading 1', 'loading 2', 'loading 3'];
    const sheets = [
      rows,
      ['Loading...', 'loading 2', '#REF!'],
      // Its lines have moved, so it is unknown which row was not loaded: all stay.
      ['loading 4', 'loading 1', '#N/A', 'loading 3'],
      rows,
      ['#NAME?', '#VALUE!', '=A1'],
    ];
    const seen: unknown[] = [];
    for (const prompts of sheets) {
      const { outcome } = await fire(name, prompts);
      seen.push(outcome.kind === 'ended' ? outcome.tally : outcome.kind);
    }
    expect(seen).toMatchObject([
      { total: 3, stored: 3, rejected: 0 },
      { total: 5, stored: 3, rejected: 2 },
      { total: 5, stored: 4, rejected: 1 },
      { total: 3, stored: 3, rejected: 0 },
      'failed',
    ]);
    expect(jobs(...rows, 'loading 4', 'Loading...', '#REF!')).toBe(4);
  });

  it.concurrent('triggered twice at once with skip runs once', async () => {
    await putSheet('twice', ['twice 1']);
    const name = await create('twice', { mode: 'fresh' });
    const both = await Promise.all([trigger(name), trigger(name)]);
    expect(both.some(({ kind }) => kind === 'started')).toBe(true);
    expect(kindsOf(await over(name, 1))).toEqual(['ended']);
    expect(jobs('twice 1')).toBe(1);
  });

  it.concurrent('skips its run while a person runs the batch, and reports what blocked it', async () => {
    await putSheet('mine', ['mine 1', 'mine 2']);
    const name = await create('mine', { mode: 'changes' });
    const own = await startBatch(engine.stack, {
      name,
      taskQueue: engine.taskQueue,
      apiUrl: engine.apiUrl,
      prompts: ['mine 1'],
    });
    await own.signal('instruct', { kind: 'pause' });
    await eventually(async () => (await engine.statusOf(name)).state === 'paused', {
      what: 'it is paused',
      withinMs: 90_000,
    });
    await trigger(name);
    const [skipped] = await over(name, 1);
    expect(skipped?.outcome).toMatchObject({
      kind: 'skipped',
      reason: expect.stringContaining(`Continue with: banana-batch resume ${name}`),
    });
    await own.signal('instruct', { kind: 'resume' });
    await own.result();
    await trigger(name);
    expect(kindsOf(await over(name, 2))).toEqual(['skipped', 'ended']);
    expect(jobs('mine 1', 'mine 2')).toBe(2);
  });

  it.concurrent('deleted while its batch is running lets it finish and records it', async () => {
    await putSheet('gone', ['gone 1', 'gone 2']);
    const name = await create('gone', { mode: 'fresh' });
    await trigger(name);
    await eventually(() => jobs('gone 1', 'gone 2') > 0, { what: 'its batch buys', withinMs: 90_000 });
    await deleteSchedule({ client: client(), store: engine.stack.s3.store }, await schedule(name));
    const [record] = await over(name, 1);
    expect(record?.outcome).toMatchObject({ kind: 'ended', end: 'completed', tally: { stored: 2 } });
  });

  it.concurrent('whose run is cancelled in Temporal cancels the batch, and waits for its end', async () => {
    const prompts = ['called-off 1', 'called-off 2', 'called-off 3'];
    await putSheet('called-off', prompts);
    const name = await create('called-off', { mode: 'changes', concurrency: 1 });
    const triggered = await trigger(name);
    if (triggered.kind !== 'started') throw new Error('Nothing was started.');
    await eventually(() => jobs(...prompts) > 0, { what: 'its batch buys', withinMs: 90_000 });
    await client().workflow.getHandle(triggered.firing.workflowId).cancel();
    const [record] = await over(name, 1);
    expect(record?.outcome).toMatchObject({ kind: 'ended', end: 'cancelled', tally: { total: 3 } });
  });

  it.concurrent('whose worker is killed between requesting a run and starting it runs it once', async () => {
    const victims = await startFaultProxy();
    try {
      victims.forwardTo(engine.stack.s3.endpoint);
      await putSheet('killed', ['killed 1', 'killed 2']);
      const taskQueue = 'killed';
      const name = await create('killed', { mode: 'changes', taskQueue });
      const variables = { BANANA_TASK_QUEUE: taskQueue };
      const victim = await engine.startWorker({
        variables: { ...variables, AWS_ENDPOINT_URL_S3: victims.origin },
      });
      const kill = victims.tap(puts('/runs/0001/request.json'), 'after', async () => {
        await victim.end('SIGKILL');
        return 'drop';
      });
      await trigger(name);
      await kill.happened;
      await expect(engine.statusOf(name)).resolves.toMatchObject({ state: 'failed' });
      await engine.startWorker({ variables });
      const [record] = await over(name, 1);
      expect(record?.outcome).toMatchObject({
        kind: 'ended',
        runSeq: 1,
        end: 'completed',
        tally: { stored: 2 },
      });
      expect(jobs('killed 1', 'killed 2')).toBe(2);
    } finally {
      await victims.close();
    }
  });

  it.concurrent('whose runs cannot be recorded neither fails nor stays open', async () => {
    const denying = await startFaultProxy();
    try {
      denying.forwardTo(engine.stack.s3.endpoint);
      denying.behave(ACCESS_DENIED, puts('/firings/'));
      await putSheet('unrecorded', ['unrecorded 1']);
      const taskQueue = 'unrecorded';
      const name = await create('unrecorded', { mode: 'changes', taskQueue });
      await engine.startWorker({
        variables: { BANANA_TASK_QUEUE: taskQueue, AWS_ENDPOINT_URL_S3: denying.origin },
      });
      const triggered = await trigger(name);
      if (triggered.kind !== 'started') throw new Error('Nothing was started.');
      await expect(client().workflow.getHandle(triggered.firing.workflowId).result()).resolves.toMatchObject({
        kind: 'ended',
        end: 'completed',
        tally: { stored: 1 },
      });
    } finally {
      await denying.close();
    }
  });

  it.concurrent('makes the images of a copied sheet with its input images, even if the files have changed', async () => {
    const { store } = engine.stack.s3;
    const home = bench.home();
    const folder = engine.folder.path;
    const file = path.join(folder, 'pinned.csv');
    await writeFile(file, 'prompt,input_images\npinned 1,seen.png\n');
    await writeFile(path.join(folder, 'seen.png'), samplePng(8, 8));
    const signal = new AbortController().signal;
    const inputs = new SheetInputs({
      base: { kind: 'folder', folder },
      openStore: async () => store,
      signal,
    });
    const sheet = await localSheet(file, { name: 'pinned.csv', inputs });
    await checkSheet(sheet, { sheetSettings: SheetSettings.parse({}) });
    const openInputStore = async () => store;
    const source = await pinSheet(
      store,
      home,
      'pinned' as ScheduleName,
      { ...sheet, openInputStore },
      {
        onPut: () => undefined,
        signal,
      },
    );
    await writeFile(file, 'prompt\nanother\n');
    const name = await create('pinned', { mode: 'fresh', sheet: { source, maxImages: 1 } });
    await trigger(name);
    const [record] = await over(name, 1);
    expect(record?.outcome).toMatchObject({ kind: 'ended', tally: { stored: 1 } });
  });

  it.concurrent('with a sheet on the web downloads it for each run, retries a failing server, and keeps its query secret', async () => {
    const web = await startScriptedServer();
    try {
      let answers = 0;
      web.answerWith((_, response) => {
        answers += 1;
        if (answers === 2) response.writeHead(200, { 'content-type': 'text/csv' }).end('prompt\nweb 1\n');
        else response.writeHead(answers === 1 ? 503 : 404).end();
      });
      const source = { kind: 'address', address: `${web.origin}/menu.csv?token=secret` } as const;
      const name = await create('web', { mode: 'fresh', sheet: { source } });
      await trigger(name);
      expect(kindsOf(await over(name, 1))).toEqual(['ended']);
      const failed = await trigger(name);
      const [, record] = await over(name, 2);
      expect(record?.outcome).toMatchObject({
        reason: `${web.origin}/menu.csv: not found (404). Check the address.`,
      });
      if (failed.kind !== 'started') throw new Error('Nothing was started.');
      for (const { workflowId } of (await schedule(name)).recent) {
        const decoded = await historyText(client().workflow.getHandle(workflowId));
        expect(decoded).toMatch(/sheetKey/);
        expect(decoded).not.toMatch(/secret|web 1/);
      }
      const listed: string[] = [];
      for await (const one of listSchedules(client(), bench.home())) listed.push(one.name);
      expect(listed).toContain(name);
    } finally {
      await web.close();
    }
  });

  it.concurrent('with a sheet that leads to a metadata service fails at once, even if the API is in a private network', async () => {
    const web = await startScriptedServer();
    try {
      web.answerWith((_, response) =>
        response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/?x=secret' }).end(),
      );
      const source = { kind: 'address', address: `${web.origin}/menu.csv?token=secret` } as const;
      const name = await create('inward', { mode: 'fresh', sheet: { source } });
      await trigger(name);
      const [record] = await over(name, 1);
      expect(record?.outcome).toMatchObject({
        kind: 'failed',
        reason: expect.stringMatching(
          /^http:\/\/127\.0\.0\.1:\d+\/menu\.csv: it leads to 169\.254\.169\.254, an address in a private/,
        ),
      });
      expect(web.seen).toHaveLength(1);
    } finally {
      await web.close();
    }
  });
});

function isOver(firing: { readonly kind: string; readonly record?: FiringRecord }): boolean {
  return firing.kind === 'recorded' && firing.record?.outcome.kind !== 'running';
}

function kindsOf(records: readonly FiringRecord[]): readonly string[] {
  return records.map(({ outcome }) => outcome.kind);
}
