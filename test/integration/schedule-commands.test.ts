import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { eventually } from '../support/eventually.js';
import { submissionBench } from '../support/submission-bench.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';

const Shown = z.looseObject({
  paused: z.boolean(),
  mode: z.string(),
  sha256: z.string().optional(),
  maxImages: z.int().optional(),
  next: z.array(z.string()),
  atWork: z.array(z.looseObject({ batchId: z.string(), state: z.string() })),
  firings: z.array(
    z.looseObject({ firingAt: z.string(), outcome: z.string(), batchId: z.string().optional() }),
  ),
});

const SHEET = 'id,prompt\nlion,a lion on {{date}}\nowl,an owl at {{time}}\n';

describe('the commands about schedules', { timeout: 180_000 }, () => {
  let engine: TestEngine;
  const bench = submissionBench(() => engine);
  const schedule = (...args: readonly string[]) => bench.command(['schedule', ...args]);
  const shown = async (name: string) => {
    const { code, stdout, stderr } = await schedule('show', name, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return Shown.parse(JSON.parse(stdout));
  };

  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 100, max: 300 } } });
    await bench.write('posters.csv', SHEET);
  });
  afterAll(async () => {
    await engine?.stop();
  });

  it('lead from a sheet to its images every day, and away again', async () => {
    const create = ['create', 'posters', 'posters.csv', '--mode', 'fresh', '--cron', '0 2 * * *'];
    const plan = await schedule(...create, '--timezone', 'Asia/Tokyo', '--dry-run');
    expect(plan.code).toBe(0);
    expect(plan.stderr).toMatch(/At 02:00, every day \(Asia\/Tokyo\)/);
    expect(plan.stderr.match(/\d 02:00 \+09:00 \(in /g)).toHaveLength(5);
    expect(plan.stderr).toMatch(/Firing {5}makes 2 images .*posters-\d{8}t170000z/);
    expect((await schedule('list')).stderr).toContain('There are no schedules');

    const created = await schedule(...create, '--timezone', 'Asia/Tokyo', '--paused');
    expect(created).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/paused.*\n.*needs? a? ?worker|start one/s),
    });
    expect(await schedule(...create)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/there already.*schedule update posters/),
    });
    // Nobody works yet: Temporal and the bucket tell all there is.
    const waiting = await schedule('trigger', 'posters');
    expect(waiting).toMatchObject({ code: 0, stderr: expect.stringContaining('npx banana-batch worker') });
    expect((await shown('posters')).firings).toMatchObject([{ outcome: 'waiting' }]);
    expect((await schedule('trigger', 'posters')).code).toBe(2);

    await engine.startWorker();
    const fired = await eventually(
      async () => {
        const { firings } = await shown('posters');
        return firings[0]?.outcome === 'ended' && firings[0];
      },
      { what: 'the batch of the trigger has ended', withinMs: 60_000 },
    );
    expect(fired).toMatchObject({ end: 'completed', tally: { stored: 2, total: 2 } });
    const text = await schedule('show', 'posters');
    expect(text.stdout).toContain(`s3://test-bucket/${fired.batchId}/contact-sheet.html`);
    expect(text.stdout).toMatch(/2\/2 stored/);

    await bench.write('posters.csv', `${SHEET}fox,a fox\n`);
    const updated = await schedule('update', 'posters', 'posters.csv', '--max-images', '10');
    expect(updated).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /Source.*\n +→ posters\.csv.*\nLimits +none\n +→ at most 10 images.*makes 3 images/s,
      ),
    });
    expect(await schedule('update', 'posters', 'posters.csv')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Nothing changes'),
    });
    expect(await shown('posters')).toMatchObject({ paused: true, mode: 'fresh', maxImages: 10 });
    expect(await schedule('update', 'posters', '--max-images', '2')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/would make 3 images.*allows 2/),
    });

    const backfill = ['backfill', 'posters', '--from', '2026-03-02', '--to', '2026-03-03 02:00'];
    expect((await schedule(...backfill, '--dry-run')).stderr).toMatch(/Fires {6}2 times.*up to 6 images/s);
    expect((await schedule(...backfill)).code).toBe(0);
    const made = await eventually(
      async () => {
        const { firings } = await shown('posters');
        return firings.filter(({ outcome }) => outcome === 'ended').length === 3 && firings;
      },
      { what: 'both batches of the backfill have ended', withinMs: 60_000 },
    );
    expect(made.slice(1).map(({ batchId }) => batchId)).toEqual([
      'posters-20260302t170000z',
      'posters-20260301t170000z',
    ]);

    expect((await schedule('resume', 'posters')).code).toBe(0);
    expect(await shown('posters')).toMatchObject({ paused: false });
    expect((await schedule('pause', 'posters', '--note', 'a new logo')).code).toBe(0);
    const listed = await schedule('list');
    expect(listed.stdout).toMatch(/posters +paused +fresh +At 02:00.* 3\/3 stored|2\/2 stored .*a new logo/);

    expect(await schedule('delete', 'posters')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect((await schedule('delete', 'posters', '--yes')).code).toBe(0);
    expect(await schedule('show', 'posters')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('schedule list'),
    });
  });

  it('say at a trigger that a batch is in the way, and what it waits for', async () => {
    await bench.write('slow.csv', 'id,prompt\nlong,a banana that ripens [[stuck]]\n');
    const create = ['create', 'growing', 'slow.csv', '--mode', 'changes', '--every', '1d'];
    expect((await schedule(...create)).code).toBe(0);
    expect(await schedule('trigger', 'growing')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Its batch is growing'),
    });
    const paused = await bench.command(['pause', 'growing']);
    expect(paused.code).toBe(0);
    expect(await schedule('trigger', 'growing')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Skipped: batch "growing".*banana-batch resume growing/),
    });
    expect(await shown('growing')).toMatchObject({ atWork: [{ batchId: 'growing', state: 'paused' }] });
    expect((await schedule('list')).stdout).toMatch(/growing +batch paused +changes .*resume growing/);
    expect((await bench.command(['cancel', 'growing'])).code).toBe(0);
  });

  it.each<[readonly string[], RegExp]>([
    [['create', 'x', 'posters.csv', '--cron', '0 2 * * *'], /--mode is missing/],
    [
      ['create', 'x', 'posters.csv', '--mode', 'fresh', '--cron', '0 2 * *'],
      /4 fields.*schedule create --help/,
    ],
    [['create', 'x', 'posters.csv', '--mode', 'fresh', '--every', '5s'], /at least 10s/],
    [
      ['create', 'x', 'posters.csv', '--mode', 'fresh', '--every', '1h', '--timezone', 'Berlin'],
      /Europe\/Berlin\?/,
    ],
    [
      ['create', 'x', 'https://u:p@example.com/a.csv', '--mode', 'fresh', '--every', '1h'],
      /a user and a password/,
    ],
    [['create', 'X y', 'posters.csv', '--mode', 'fresh', '--every', '1h'], /lower-case letters/],
    [['trigger', 'nobody'], /There is no schedule "nobody"/],
    [['backfill', 'growing', '--from', '2026-11-01', '--to', '2199-01-01'], /has not/],
  ])('%j is refused with the reason', async (args, reason) => {
    const { code, stdout, stderr } = await schedule(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(reason);
  });
});
