import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { cancel } from '../../../src/cli/control/cancel.js';
import type { Command } from '../../../src/cli/terminal/command-context.js';
import { pause } from '../../../src/cli/control/pause.js';
import { refusalOf } from '../../../src/cli/terminal/refusal.js';
import { scheduleBackfill } from '../../../src/cli/schedule/backfill.js';
import { scheduleCreate } from '../../../src/cli/schedule/create.js';
import { scheduleDelete } from '../../../src/cli/schedule/delete.js';
import type { ScheduleCreateFlags, ScheduleUpdateFlags } from '../../../src/cli/schedule/flags.js';
import { scheduleList } from '../../../src/cli/schedule/list.js';
import { schedulePause } from '../../../src/cli/schedule/pause.js';
import { scheduleResume } from '../../../src/cli/schedule/resume.js';
import { scheduleShow } from '../../../src/cli/schedule/show.js';
import { scheduleTrigger } from '../../../src/cli/schedule/trigger.js';
import { scheduleUpdate } from '../../../src/cli/schedule/update.js';
import type { Config } from '../../../src/config.js';
import type { ScheduleName } from '../../../src/domain/batch/schedule-name.js';
import { performCommand } from '../../support/commands/command-run.js';
import { eventually } from '../../support/eventually.js';
import { startScriptedServer } from '../../support/services/scripted-server.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';
import { TEST_API_KEY } from '../../support/stack/test-services.js';
import { bucketConfig, temporalConfig } from '../../support/stack/server-config.js';

const Shown = z.looseObject({
  paused: z.boolean(),
  mode: z.string(),
  atWork: z.array(z.looseObject({ batchId: z.string(), state: z.string() })),
  firings: z.array(z.looseObject({ outcome: z.string(), batchId: z.string().optional() })),
});

const SHEET = 'id,prompt\nlion,a lion on {{date}}\nowl,an owl at {{time}}\n';
const QUIET = { yes: false, dryRun: false, json: false };
const NIGHTLY: ScheduleCreateFlags = {
  ...QUIET,
  mode: 'fresh',
  cron: ['0 2 * * *'],
  timezone: 'Asia/Tokyo',
  paused: true,
};
const POSTERS = 'posters' as ScheduleName;
const GROWING = 'growing' as ScheduleName;

describe('schedule commands', { timeout: 180_000 }, () => {
  let engine: TestEngine;
  let config: Partial<Config>;
  const bench = submissionBench(() => engine);
  const sheet = (name: string): string => path.join(engine.folder.path, name);

  /** A command's output and exit code; a refusal as the program prints it. */
  const perform = async <Options>(command: Command<Options>, options: Options) => {
    try {
      return await performCommand(command, options, { config });
    } catch (error) {
      return { code: 2, stdout: '', stderr: refusalOf(error) ?? String(error) };
    }
  };
  const shown = async (name: ScheduleName) =>
    Shown.parse(JSON.parse((await perform(scheduleShow, { name, json: true })).stdout));
  const trigger = (name: ScheduleName) =>
    perform(scheduleTrigger, { name, overlap: 'skip', watch: false, json: false });
  const update = (given: string | undefined, flags: Partial<ScheduleUpdateFlags>) =>
    perform(scheduleUpdate, {
      name: POSTERS,
      ...(given !== undefined && { sheet: given }),
      flags: { ...QUIET, ...flags },
    });

  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 100, max: 300 } } });
    config = {
      temporal: temporalConfig(engine.stack.temporal),
      bucket: bucketConfig(engine.stack.s3),
      api: { origin: 'environment', baseUrl: engine.apiUrl, apiKey: TEST_API_KEY },
      taskQueue: engine.taskQueue,
    };
    await bench.write('posters.csv', SHEET);
  });
  afterAll(async () => {
    await engine?.stop();
  });

  it('warn about a sheet in a private network that workers may not read', async () => {
    const web = await startScriptedServer();
    web.answerWith((_, response) => response.writeHead(200).end(SHEET));
    const plan = async (own: Partial<Config>): Promise<string> => {
      const options = {
        name: 'inner' as ScheduleName,
        sheet: `${web.origin}/menu.csv`,
        flags: { ...NIGHTLY, dryRun: true },
      };
      return (await performCommand(scheduleCreate, options, { config: { ...config, ...own } })).stderr;
    };
    const warning = 'workers read the sheet there only with BANANA_ALLOW_PRIVATE_ADDRESSES=true';
    try {
      expect(await plan({ api: undefined })).toContain(warning);
      expect(await plan({ api: undefined, allowPrivateAddresses: true })).not.toContain(warning);
      expect(await plan({})).not.toContain(warning);
    } finally {
      await web.close();
    }
  });

  it('create, run and delete a schedule that makes images every day', async () => {
    const create = (flags: Partial<ScheduleCreateFlags>) =>
      perform(scheduleCreate, {
        name: POSTERS,
        sheet: sheet('posters.csv'),
        flags: { ...NIGHTLY, ...flags },
      });
    const plan = await create({ dryRun: true });
    expect(plan.code).toBe(0);
    expect(plan.stderr).toMatch(/At 02:00, every day \(Asia\/Tokyo\)/);
    expect(plan.stderr.match(/\d 02:00 \+09:00 \(in /g)).toHaveLength(5);
    expect(plan.stderr).toMatch(/Next run {3}makes 2 images .*posters-\d{8}t170000z/);
    expect((await perform(scheduleList, { json: false })).stderr).toContain('There are no schedules');

    expect(await create({})).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/Created and paused.*banana-batch worker/s),
    });
    expect(await create({})).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/already exists.*schedule update posters/),
    });
    // No worker is running yet: Temporal and the bucket have everything.
    expect(await trigger(POSTERS)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('banana-batch worker'),
    });
    expect((await shown(POSTERS)).firings).toMatchObject([{ outcome: 'waiting' }]);
    expect(await trigger(POSTERS)).toMatchObject({ code: 2, stderr: expect.stringContaining('Skipped') });

    await engine.startWorker();
    const fired = await eventually(
      async () => {
        const { firings } = await shown(POSTERS);
        return firings.find(({ outcome }) => outcome === 'ended');
      },
      { what: 'the batch of the trigger has ended', withinMs: 60_000 },
    );
    expect(fired).toMatchObject({ end: 'completed', tally: { stored: 2, total: 2 } });
    const { stdout: text } = await perform(scheduleShow, { name: POSTERS, json: false });
    expect(text).toContain(`s3://${engine.stack.s3.bucket}/${fired.batchId}/contact-sheet.html`);
    expect(text).toContain('2/2 stored');

    await bench.write('posters.csv', `${SHEET}fox,a fox\n`);
    expect(await update(sheet('posters.csv'), { maxImages: 10 })).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /Source.*\n +→ posters\.csv.*\nLimits +none\n +→ at most 10 images.*makes 3 images/s,
      ),
    });
    expect(await update(sheet('posters.csv'), {})).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Nothing to change'),
    });
    expect(await shown(POSTERS)).toMatchObject({ paused: true, mode: 'fresh', maxImages: 10 });
    expect(await update(undefined, { maxImages: 2 })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/would make 3 images.*allows 2/),
    });
    expect(await update(undefined, {})).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Nothing to change'),
    });

    const range = {
      name: POSTERS,
      from: '2026-03-02',
      to: '2026-03-03 02:00',
      overlap: 'buffer-all',
    } as const;
    const planned = await perform(scheduleBackfill, { ...range, ...QUIET, dryRun: true });
    expect(planned.stderr).toMatch(/Runs {7}2 times.*up to 6 images/s);
    expect((await perform(scheduleBackfill, { ...range, ...QUIET })).code).toBe(0);
    const made = await eventually(
      async () => {
        const { firings } = await shown(POSTERS);
        const ended = firings.filter(({ outcome }) => outcome === 'ended');
        return ended.length === 3 && ended;
      },
      { what: 'both batches of the backfill have ended', withinMs: 60_000 },
    );
    expect(made.slice(1).map(({ batchId }) => batchId)).toEqual([
      'posters-20260302t170000z',
      'posters-20260301t170000z',
    ]);
    expect(await perform(scheduleBackfill, { ...range, ...QUIET, to: '2199-01-01' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is in the future'),
    });

    expect((await perform(scheduleResume, { name: POSTERS, json: false })).code).toBe(0);
    expect((await shown(POSTERS)).paused).toBe(false);
    const paused = { name: POSTERS, note: 'a new logo', json: false };
    expect((await perform(schedulePause, paused)).code).toBe(0);
    const listed = await perform(scheduleList, { json: false });
    expect(listed.stdout).toMatch(/posters +paused +fresh +At 02:00, every day.* 2\/2 stored +a new logo/);

    const away = { name: POSTERS, json: false };
    expect((await perform(scheduleDelete, { ...away, yes: true })).code).toBe(0);
    expect(await perform(scheduleShow, away)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('schedule list'),
    });
  });

  it('report at a trigger which batch blocks it, and why it waits', async () => {
    await bench.write('slow.csv', 'id,prompt\nlong,a banana that ripens [[stuck]]\n');
    const { cron: _, ...flags } = NIGHTLY;
    const created = await perform(scheduleCreate, {
      name: GROWING,
      sheet: sheet('slow.csv'),
      flags: { ...flags, mode: 'changes', every: 86_400_000, paused: false },
    });
    expect(created.code).toBe(0);
    expect(await trigger(GROWING)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Its batch is growing'),
    });
    expect((await perform(pause, { id: 'growing', force: false, json: false })).code).toBe(0);
    expect(await trigger(GROWING)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Skipped: batch "growing".*banana-batch resume growing/),
    });
    expect(await shown(GROWING)).toMatchObject({ atWork: [{ batchId: 'growing', state: 'paused' }] });
    const listed = await perform(scheduleList, { json: false });
    expect(listed.stdout).toMatch(/growing +batch paused +changes .*resume growing/);
    expect((await perform(cancel, { id: 'growing', force: false, json: false })).code).toBe(0);
  });

  it('are subcommands, with their own help', async () => {
    const { code, stderr } = await bench.command(['schedule', 'create', 'x', 'y.csv', '--cron', '0 2 * *']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/4 fields.* See: banana-batch schedule create --help\n$/);
  });
});
