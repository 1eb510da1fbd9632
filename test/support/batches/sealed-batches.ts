import { createHash } from 'node:crypto';
import type { JobId } from '../../../src/domain/rows/ids.js';
import type { GenerationRecord, ImageFacts, ImageType, RowEnd } from '../../../src/domain/rows/outcome.js';
import type { ShardRow } from '../../../src/domain/rows/row.js';
import { rowTagOf, toStoredIdentity } from '../../../src/domain/images/stored-identity.js';
import { EMPTY_TALLY } from '../../../src/domain/batch/tally.js';
import { ShardRowLine } from '../../../src/ledger/documents.js';
import { readJsonLines } from '../../../src/ledger/files/json-lines.js';
import { at, batchRoot, imageKey, rowsKey, type RunRef } from '../../../src/storage/layout.js';
import type { ActivityBench } from './activity-bench.js';
import { samplePng } from '../images/sample-images.js';

/** A finished batch in a real bucket; keys are below the batch. */
export interface SealedBatch {
  readonly run: RunRef;
  readonly text: (key: string) => Promise<string>;
  /** The metadata of an object. */
  readonly metadata: (key: string) => Promise<Readonly<Record<string, string>>>;
  /** Replaces an object; without metadata unless some is given. */
  readonly put: (
    key: string,
    body: string | Buffer,
    metadata?: Readonly<Record<string, string>>,
  ) => Promise<void>;
  readonly delete: (key: string) => Promise<void>;
  /** The keys of all objects. */
  readonly keys: () => Promise<readonly string[]>;
}

const JOB = 'job-1' as JobId;

/** The image of the row at a position of the sheet. */
export function imageOf(position: number): Buffer {
  return samplePng(8, 8, position);
}

/** An image of a row, with what seal records of it. */
export interface SealedImage {
  readonly body: Buffer;
  readonly type: ImageType;
  readonly width: number;
  readonly height: number;
}

/** What a batch is made of besides its sheet. */
export interface SealedBatchOptions {
  /** Added to the run's request. */
  readonly requestChanges?: Parameters<ActivityBench['ingest']>[3];
  /** Default: small PNGs, as `imageOf` makes them. */
  readonly image?: (row: ShardRow) => SealedImage;
}

/**
 * Ingests `sheet` and finishes it as a run in which every row is stored except those whose prompt says "fails". The
 * images of rows differ, except for those whose prompt says "placeholder". `requestChanges` is added to the run's request.
 */
export async function sealBatch(
  bench: ActivityBench,
  name: string,
  sheet: readonly string[],
  runSeq = 1,
  { requestChanges = {}, image: imageOfRow = greyImage }: SealedBatchOptions = {},
): Promise<SealedBatch> {
  const { activities, s3 } = bench;
  const { run, result } = await bench.ingest(name, sheet, runSeq, requestChanges);
  const place = (key: string) => at(run, `${batchRoot(run)}${key}`);
  const settled: { row: number; end: RowEnd; generations: GenerationRecord[]; settledAtMs: number }[] = [];
  const rows = result.shardCount > 0 ? await shardRows(bench, run) : [];
  for (const [index, row] of rows.entries()) {
    const one = { row: index, settledAtMs: Date.now() };
    if (row.prompt.includes('fails')) {
      const failed = { generation: 1, jobId: JOB, end: 'failed', charged: 'unknown' } as const;
      const end = { kind: 'failed', failure: 'flaky', message: 'it failed' } as const;
      settled.push({ ...one, end, generations: [failed] });
      continue;
    }
    const image = await storeImage(bench, run, row, imageOfRow(row));
    const done = { generation: 1, jobId: JOB, end: 'done', charged: 'yes' } as const;
    settled.push({ ...one, end: { kind: 'stored', adopted: false, image }, generations: [done] });
  }
  if (rows.length > 0)
    await bench.attempt(() => activities.recordOutcomes({ run, shard: 0, part: 0, settled }));
  await sealRun(bench, run, result.shardCount);
  return {
    run,
    text: (key) => s3.store.readText(place(key)),
    metadata: async (key) => (await s3.store.head(place(key)))?.metadata ?? {},
    put: async (key, body, metadata = {}) => {
      await s3.store.put(place(key), Buffer.from(body), { contentType: 'text/plain', metadata });
    },
    delete: (key) => s3.store.delete(place(key)),
    keys: async () => {
      const keys: string[] = [];
      for await (const { key } of s3.store.list(run.bucket, batchRoot(run)))
        keys.push(key.slice(batchRoot(run).length));
      return keys;
    },
  };
}

/**
 * Ingests `sheet`, and stores the images of its first `stored` rows without recording any, as a run does that is
 * terminated at a bad moment.
 */
export async function leaveUnrecorded(
  bench: ActivityBench,
  name: string,
  sheet: readonly string[],
  { stored, runSeq = 1 }: { readonly stored: number; readonly runSeq?: number },
): Promise<void> {
  const { run } = await bench.ingest(name, sheet, runSeq);
  const rows = (await shardRows(bench, run)).filter(({ position }) => position < stored);
  for (const row of rows) await storeImage(bench, run, row);
}

/** Stores the images of all rows of a run after it has finished. */
export async function storeLate(bench: ActivityBench, { run }: SealedBatch): Promise<void> {
  for (const row of await shardRows(bench, run)) await storeImage(bench, run, row);
}

async function storeImage(
  { s3 }: ActivityBench,
  run: RunRef,
  row: ShardRow,
  { body, ...facts }: SealedImage = greyImage(row),
): Promise<ImageFacts> {
  const sha256 = createHash('sha256').update(body).digest('hex');
  const image = { ...facts, sizeBytes: body.length, sha256 };
  const { contentHash, rowId, imageName } = row;
  const rowTag = rowTagOf(rowId);
  await s3.store.put(at(run, imageKey(run, imageName, image.type)), body, {
    contentType: `image/${image.type}`,
    metadata: toStoredIdentity({ contentHash, rowTag, runSeq: run.runSeq, generation: 1, jobId: JOB, image }),
  });
  return image;
}

function greyImage({ prompt, position }: ShardRow): SealedImage {
  const body = prompt.includes('placeholder') ? imageOf(255) : imageOf(position);
  return { body, type: 'png', width: 8, height: 8 };
}

async function shardRows(bench: ActivityBench, run: RunRef): Promise<readonly ShardRow[]> {
  const key = rowsKey(run, run.runSeq, 0);
  const stream = await bench.s3.store.read(at(run, key));
  const rows: ShardRow[] = [];
  for await (const row of readJsonLines(stream, ShardRowLine, key)) rows.push(row);
  return rows;
}

/** Seals a run whose shards are all recorded. */
export async function sealRun(bench: ActivityBench, run: RunRef, shardCount: number): Promise<void> {
  const startedAt = new Date().toISOString();
  const opened = { shardCount, openedShards: shardCount };
  await bench.attempt(() =>
    bench.activities.seal({ run, ...opened, end: 'completed', tally: EMPTY_TALLY, startedAt }),
  );
}
