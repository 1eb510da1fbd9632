import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { prune } from '../../../src/cli/batch/prune.js';
import { row } from '../../../src/cli/batch/row.js';
import { status } from '../../../src/cli/watch/status.js';
import { verify } from '../../../src/cli/batch/verify.js';
import type { Config } from '../../../src/config.js';
import type { RowId } from '../../../src/domain/rows/ids.js';
import { rowTagOf } from '../../../src/domain/images/stored-identity.js';
import { UsageError } from '../../../src/errors.js';
import { batchWorkflowId } from '../../../src/workflows/protocol/names.js';
import { startActivityBench, type ActivityBench } from '../../support/batches/activity-bench.js';
import { performCommand } from '../../support/commands/command-run.js';
import { imageOf, sealBatch, type SealedBatch } from '../../support/batches/sealed-batches.js';
import { startTestTemporal, type TestTemporal } from '../../support/stack/test-stack.js';
import { bucketConfig, temporalConfig } from '../../support/stack/server-config.js';

const SHEET = [
  'id,prompt,aspect_ratio,note',
  'a,one bird,1:1,"red, small"',
  'b,two birds,1:1,',
  'c,a bird that fails,1:1,',
  'd,four birds,1:1,',
  'crooked,no bird,1:7,',
];
const A = 'images/train/a.png';
const B = 'images/train/b.png';
const thumbnailOf = (position: number): string =>
  `thumbnails/${createHash('sha256').update(imageOf(position)).digest('hex')}.webp`;
const [THUMBNAIL_OF_A, THUMBNAIL_OF_B] = [thumbnailOf(0), thumbnailOf(1)];
const METADATA = 'images/train/metadata.jsonl';
const OUTCOMES = 'runs/0001/outcomes.jsonl';

const Verified = z.object({
  ok: z.boolean(),
  runSeq: z.int().optional(),
  newestRunSeq: z.int().optional(),
  differenceCount: z.int(),
  differences: z.array(
    z.looseObject({
      kind: z.string(),
      key: z.string(),
      rowId: z.string().optional(),
      found: z.union([z.string(), z.number()]).optional(),
      expected: z.union([z.string(), z.number()]).optional(),
    }),
  ),
  checked: z.looseObject({ rows: z.int(), images: z.int(), imageBytes: z.int() }).optional(),
  sameBytes: z
    .object({
      images: z.int(),
      examples: z.array(z.object({ sha256: z.string(), rowIds: z.array(z.string()) })),
    })
    .optional(),
});
const Pruned = z.object({
  objects: z.int(),
  bytes: z.int(),
  deleted: z.int(),
  unclaimed: z.int(),
  foreign: z.int(),
  keys: z.array(z.string()),
});

async function edited(batch: SealedBatch, key: string, from: string | RegExp, to: string): Promise<void> {
  const before = await batch.text(key);
  const after = before.replace(from, to);
  expect(after).not.toBe(before);
  await batch.put(key, after);
}

describe('a finished batch', () => {
  let bench: ActivityBench;
  let temporal: TestTemporal;
  let config: Partial<Config>;
  beforeAll(async () => {
    [bench, temporal] = await Promise.all([startActivityBench(), startTestTemporal()]);
    config = { bucket: bucketConfig(bench.s3, 'tests/') };
  });
  afterAll(async () => {
    await bench?.stop();
    await temporal?.stop();
  });

  const check = async ({ run }: SealedBatch, options: { deep?: boolean; limit?: number } = {}) => {
    const given = { id: run.batchId, json: true, deep: false, ...options };
    const { code, stdout, stderr } = await performCommand(verify, given, { config });
    return { code, stderr, ...Verified.parse(JSON.parse(stdout)) };
  };
  const pruned = async (
    { run }: SealedBatch,
    options: { yes?: boolean; dryRun?: boolean } = { yes: true },
    settings = config,
  ) => {
    const given = { id: run.batchId, json: true, yes: false, dryRun: false, ...options };
    const { code, stdout, stderr } = await performCommand(prune, given, { config: settings });
    return { code, stderr, stdout };
  };

  it('is verified without a difference, using only the bucket', async () => {
    const batch = await sealBatch(bench, 'clean', SHEET);
    for (const deep of [false, true]) {
      const { code, ok, checked, differences } = await check(batch, { deep });
      expect(differences).toEqual([]);
      expect({ code, ok }).toEqual({ code: 0, ok: true });
      const imageBytes = deep ? imageOf(0).length + imageOf(1).length + imageOf(3).length : 0;
      expect(checked).toMatchObject({ rows: 4, images: 3, metadataLines: 3, failures: 1, imageBytes });
    }
    const options = { id: 'clean', json: false, deep: false };
    const { stdout, stderr } = await performCommand(verify, options, { config });
    expect(stdout).toMatch(/^clean run 1: \d+ files, 4 rows, 3 images .*: no difference\.\n$/);
    expect(stderr).toBe('');
  });

  const otherBytes = Buffer.from(imageOf(0)).fill(7, 20);

  it.each<{ what: string; tamper: (batch: SealedBatch) => Promise<void>; found: readonly string[] }>([
    {
      what: 'an image that was deleted',
      tamper: (batch) => batch.delete(A),
      found: [`missing-image ${A} a`],
    },
    {
      what: 'an image that was overwritten with other bytes of the same size',
      tamper: (batch) => batch.put(A, otherBytes),
      found: [`wrong-identity ${A} a`],
    },
    {
      what: 'an image that was overwritten with another row’s',
      tamper: async (batch) => batch.put(A, imageOf(1), await batch.metadata(B)),
      found: [`wrong-identity ${A} a`, `changed-image ${A} a`],
    },
    {
      what: 'an image that was cut short',
      tamper: async (batch) => batch.put(A, imageOf(0).subarray(0, 30), await batch.metadata(A)),
      found: [`changed-image ${A} a`],
    },
    {
      what: 'a lost line of metadata',
      tamper: (batch) => edited(batch, METADATA, /^.*b\.png.*\n/m, ''),
      found: [`changed-file ${METADATA}`, `missing-metadata ${METADATA} b`],
    },
    {
      what: 'a changed line of metadata',
      tamper: (batch) => edited(batch, METADATA, '"width":8', '"width":9'),
      found: [`changed-file ${METADATA}`, `changed-metadata ${METADATA} a`],
    },
    {
      what: 'a line of metadata that is there twice',
      tamper: (batch) => edited(batch, METADATA, /^(.*b\.png.*\n)/m, '$1$1'),
      found: [`changed-file ${METADATA}`, `extra-metadata ${METADATA}`],
    },
    {
      what: 'a failure that is not told any more',
      tamper: (batch) => edited(batch, 'failures.csv', /^c,.*\n/m, ''),
      found: ['changed-file failures.csv', 'missing-failure failures.csv c'],
    },
    {
      what: 'a reject that is not told any more',
      tamper: (batch) => edited(batch, 'rejects.csv', /^crooked.*\n/m, ''),
      found: ['changed-file rejects.csv', 'wrong-count rejects.csv'],
    },
    {
      what: 'an edited count of the report',
      tamper: (batch) => edited(batch, 'report.json', '"stored": 3', '"stored": 4'),
      found: ['wrong-count report.json', 'wrong-count report.json'],
    },
    {
      what: 'an edited count of charges',
      tamper: (batch) => edited(batch, 'report.json', '"yes": 3', '"yes": 2'),
      found: ['wrong-count report.json'],
    },
    {
      what: 'a report without a digest',
      tamper: (batch) => edited(batch, 'report.json', /^ +"failures\.csv": .*\n/m, ''),
      found: ['missing-digest failures.csv'],
    },
    {
      what: 'a report that is none',
      tamper: (batch) => batch.put('report.json', '{"format": 1}'),
      found: ['unreadable report.json'],
    },
    {
      what: 'an edited outcome',
      tamper: (batch) => edited(batch, OUTCOMES, '"charged":"unknown"', '"charged":"no"'),
      found: [`changed-file ${OUTCOMES}`, 'wrong-count report.json', 'wrong-count report.json'],
    },
    {
      what: 'an outcome that cannot be read',
      tamper: (batch) => edited(batch, OUTCOMES, '"kind":"failed"', '"kind":"vanished"'),
      found: [
        `changed-file ${OUTCOMES}`,
        `unreadable ${OUTCOMES}`,
        'extra-failure failures.csv',
        // tally.total, failed, generations and failuresByKind.flaky, and charged.unknown
        ...Array.from({ length: 5 }, () => 'wrong-count report.json'),
      ],
    },
    {
      what: 'another batch’s batch.json',
      tamper: (batch) => edited(batch, 'batch.json', /"batchId":"[^"]*"/, '"batchId":"another"'),
      found: ['changed-file batch.json', 'wrong-field batch.json'],
    },
    {
      what: 'a lost sheet and a lost shard of rows',
      tamper: async (batch) => {
        await batch.delete('inputs/sheet-1.csv');
        await batch.delete('runs/0001/rows/00000.jsonl');
      },
      found: ['missing-file inputs/sheet-1.csv', 'missing-file runs/0001/rows/00000.jsonl'],
    },
    {
      what: 'a lost contact sheet',
      tamper: (batch) => batch.delete('contact-sheet.html'),
      found: ['missing-file contact-sheet.html'],
    },
    {
      what: 'an object that nobody knows',
      tamper: (batch) => batch.put('images/notes.txt', 'mine'),
      found: ['foreign-object images/notes.txt'],
    },
    {
      what: 'an object without an identity among the images',
      tamper: (batch) => batch.put('images/train/z.png', imageOf(9)),
      found: ['foreign-object images/train/z.png'],
    },
  ])('fails to verify with $what', async ({ what, tamper, found }) => {
    const batch = await sealBatch(bench, what.replaceAll(/[^a-z]+/g, '-'), SHEET);
    await tamper(batch);
    const { code, ok, differences } = await check(batch);
    expect({ code, ok }).toEqual({ code: 1, ok: false });
    const listed = differences.map(({ kind, key, rowId }) =>
      [kind, key, ...(rowId ? [rowId] : [])].join(' '),
    );
    expect(listed.toSorted()).toEqual([...found].toSorted());
  });

  it('with a flipped byte and unchanged metadata fails verify --deep', async () => {
    const batch = await sealBatch(bench, 'flipped', SHEET);
    await batch.put(A, otherBytes, await batch.metadata(A));
    expect(await check(batch)).toMatchObject({ code: 0 });
    const { code, differences } = await check(batch, { deep: true });
    expect(code).toBe(1);
    expect(differences).toMatchObject([{ kind: 'changed-image', key: A, rowId: 'a' }]);
  });

  it('shows differences in a table: what, where, and what to do', async () => {
    const batch = await sealBatch(bench, 'told', SHEET);
    await batch.delete(A);
    await batch.delete(B);
    const options = { id: 'told', json: false, deep: false, limit: 1 };
    const { code, stdout, stderr } = await performCommand(verify, options, { config });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^missing-image +images\/train\/a\.png +a$/m);
    expect(stdout).not.toContain('b.png');
    expect(stdout).toContain('… and 1 more (--limit)');
    expect(stdout).toContain('2 differences (2 missing-image).');
    expect(stderr).toContain('banana-batch redo told --rows ROW');
  });

  it('reports identical images for different prompts, which is not a difference', async () => {
    const sheet = ['id,prompt', 'x,placeholder 1', 'y,placeholder 2', 'z,a bird', 'x2,placeholder 1'];
    const batch = await sealBatch(bench, 'placeholders', sheet);
    const report = z
      .looseObject({ sameBytes: z.object({ images: z.int() }) })
      .parse(JSON.parse(await batch.text('report.json')));
    expect(report.sameBytes.images).toBe(3);
    const { code, sameBytes } = await check(batch);
    expect(code).toBe(0);
    expect(sameBytes).toMatchObject({ images: 3, examples: [{ rowIds: ['x', 'y'] }] });
    const shown = await performCommand(verify, { id: 'placeholders', json: false, deep: false }, { config });
    expect(shown.stdout).toContain('3 images have the same bytes under different prompts');
    const statusRun = await performCommand(
      status,
      { id: 'placeholders', json: false, watch: false },
      { config },
    );
    expect(statusRun.stdout).toContain('3 images have the same bytes under different prompts');
    expect(statusRun.stdout).toContain('banana-batch verify placeholders');
  });

  it('shows how far every row came', async () => {
    const batch = await sealBatch(bench, 'phases', SHEET);
    const outcomes = (await batch.text(OUTCOMES)).trimEnd().split('\n');
    const phases = outcomes.map((line) => z.looseObject({ phase: z.string() }).parse(JSON.parse(line)).phase);
    expect(phases).toEqual(['stored', 'stored', 'await', 'stored']);
    const [header = ''] = (await batch.text('failures.csv')).split('\n');
    expect(header).toContain(',failure_phase,');
    const options = { id: 'phases', rowId: 'c', json: false };
    const story = await performCommand(row, options, { config });
    expect(story.stdout).toMatch(/^reached +await: its job was not seen to finish$/m);
    expect(story.stdout).toMatch(/^ +1 +job-1 +failed +unknown/m);
  });

  it('is not reported as verified after an interruption', async () => {
    await sealBatch(bench, 'interrupted', SHEET);
    const options = { id: 'interrupted', json: true, deep: true };
    const interrupted = AbortSignal.abort();
    expect(await performCommand(verify, options, { config, interrupted })).toMatchObject({
      code: 130,
      stdout: '',
    });
  });

  it('cannot be verified without a report, or if it does not exist', async () => {
    const { run } = await bench.ingest('unsealed', SHEET);
    const options = { id: run.batchId, json: true, deep: false };
    await expect(performCommand(verify, options, { config })).rejects.toThrow(
      /has no final report yet: run 1 is/,
    );
    const unknown = performCommand(verify, { ...options, id: 'nobody' }, { config });
    await expect(unknown).rejects.toThrow(UsageError);
  });

  it('is verified by its last final report while a newer run is unfinished, and not pruned', async () => {
    const batch = await sealBatch(bench, 'newer', SHEET);
    // Removes b, and writes its own batch.json and rejects.csv.
    await bench.ingest('newer', ['id,prompt', 'a,one bird', 'e,five birds'], 2);
    const { code, stderr, runSeq, newestRunSeq, differences } = await check(batch);
    expect({ code, differences }).toEqual({ code: 0, differences: [] });
    expect({ runSeq, newestRunSeq }).toEqual({ runSeq: 1, newestRunSeq: 2 });
    expect(stderr).toContain('Run 2 of "newer" has no final report yet');
    await expect(pruned(batch)).rejects.toThrow(/Run 2 of batch "newer" has no final report yet/);
  });

  describe('with unused objects', () => {
    const shorter = SHEET.filter((line) => !line.startsWith('b,'));

    const withLeftovers = async (name: string): Promise<SealedBatch> => {
      await sealBatch(bench, name, SHEET);
      const batch = await sealBatch(bench, name, shorter, 2);
      await batch.put('contact-sheet/0002.html', 'a page of a longer batch');
      for (const thumbnail of [THUMBNAIL_OF_A, THUMBNAIL_OF_B]) await batch.put(thumbnail, 'small');
      return batch;
    };

    it('lists removed rows’ images and stale pages, and prunes exactly those and their thumbnails', async () => {
      const batch = await withLeftovers('leftovers');
      await batch.put('mine.txt', 'not of banana-batch');
      const before = await batch.keys();
      const { code, differences } = await check(batch);
      expect(code).toBe(1);
      expect(differences.map(({ kind, key }) => `${kind} ${key}`).toSorted()).toEqual([
        'foreign-object mine.txt',
        `orphan-image ${B}`,
        'stale-page contact-sheet/0002.html',
      ]);

      const leftover = [B, 'contact-sheet/0002.html', THUMBNAIL_OF_B];
      const dry = await pruned(batch, { dryRun: true });
      expect(Pruned.parse(JSON.parse(dry.stdout))).toMatchObject({ objects: 3, deleted: 0, foreign: 1 });
      const unasked = await pruned(batch, {});
      expect(unasked).toMatchObject({ code: 2, stdout: '' });
      expect(unasked.stderr).toContain('banana-batch prune leftovers --yes');
      expect(await batch.keys()).toEqual(before);

      const done = await pruned(batch);
      const { deleted, keys, bytes } = Pruned.parse(JSON.parse(done.stdout));
      expect({ code: done.code, deleted, keys: keys.toSorted() }).toEqual({
        code: 0,
        deleted: 3,
        keys: leftover.toSorted(),
      });
      expect(bytes).toBe(imageOf(1).length + 'a page of a longer batch'.length + 'small'.length);
      expect(await batch.keys()).toEqual(before.filter((key) => !leftover.includes(key)));

      await batch.delete('mine.txt');
      expect(await check(batch)).toMatchObject({ code: 0 });
      expect(await pruned(batch)).toMatchObject({ code: 0 });
    });

    it('keeps the image of a row that ended without one: the next run uses it', async () => {
      const batch = await sealBatch(bench, 'unclaimed', SHEET);
      const [, contentHash = ''] =
        /"rowId":"c","contentHash":"([0-9a-f]+)"/.exec(await batch.text(OUTCOMES)) ?? [];
      const identity = {
        ...(await batch.metadata(A)),
        'content-hash': contentHash,
        'row-tag': rowTagOf('c' as RowId),
      };
      await batch.put('images/train/c.png', imageOf(2), identity);
      const { differences } = await check(batch);
      expect(differences).toMatchObject([{ kind: 'unclaimed-image', key: 'images/train/c.png' }]);
      const { stdout } = await pruned(batch);
      expect(Pruned.parse(JSON.parse(stdout))).toMatchObject({ objects: 0, deleted: 0, unclaimed: 1 });
      expect(await batch.keys()).toContain('images/train/c.png');
    });

    it('is not pruned if outcomes.jsonl is not the one of the final report', async () => {
      const batch = await withLeftovers('forged');
      await edited(batch, 'runs/0002/outcomes.jsonl', 'a.png', 'q.png');
      const before = await batch.keys();
      await expect(pruned(batch)).rejects.toThrow(/outcomes\.jsonl differs from report\.json/);
      expect(await batch.keys()).toEqual(before);
    });

    it('is not pruned while its workflow is running', async () => {
      const batch = await withLeftovers('open');
      const withTemporal: Partial<Config> = { ...config, temporal: temporalConfig(temporal) };
      const handle = await temporal.client.workflow.start('runBatch', {
        workflowId: batchWorkflowId(batch.run.batchId),
        taskQueue: 'nobody',
      });
      await expect(pruned(batch, { yes: true }, withTemporal)).rejects.toThrow(/"open" is still running/);
      expect(await batch.keys()).toContain(B);
      await handle.terminate();
      expect(await pruned(batch, { yes: true }, withTemporal)).toMatchObject({ code: 0 });
      expect(await batch.keys()).not.toContain(B);
    });
  });
});
