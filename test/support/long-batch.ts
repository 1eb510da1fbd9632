import { createHash } from 'node:crypto';
import { at, batchFileKey, carriedKey, thumbnailKey, type RunRef } from '../../src/storage/layout.js';
import type { FailureKind } from '../../src/domain/failure-kind.js';
import type { RowEnd } from '../../src/domain/outcome.js';
import type { ShardRow } from '../../src/domain/row.js';
import { EMPTY_TALLY, type Tally } from '../../src/domain/tally.js';
import type { BatchFile } from '../../src/ledger/documents.js';
import { LedgerFiles } from '../../src/ledger/ledger-files.js';
import { makeThumbnail } from '../../src/images/thumbnail.js';
import type { ObjectStore } from '../../src/storage/object-store.js';
import { samplePng } from './sample-images.js';
import { hashOf, sampleRow } from './sample-rows.js';

const STYLES = ['photo', 'oil painting', 'line drawing', 'low-poly render', 'woodcut'];
const SUBJECTS = ['heron', 'lighthouse', 'teapot', 'tram', 'orchard', 'harbour', 'violin', 'glacier'];
const LIGHTS = ['morning', 'noon', 'dusk', 'candlelight'];
/** Images of different looks; rows with one look share their content and their bytes. */
const LOOKS = 60;

/** A row that the sheet has; every 50th has no image. */
export function longBatchRow(position: number): { readonly row: ShardRow; readonly end: RowEnd } {
  const pick = (list: readonly string[], every = 1): string =>
    list[Math.floor(position / every) % list.length] ?? '';
  const [style, subject, light] = [pick(STYLES), pick(SUBJECTS, 5), pick(LIGHTS, 7)];
  const look = position % LOOKS;
  const row = {
    ...sampleRow(`${subject}-${position}`),
    position,
    line: position + 2,
    prompt: `A ${style} of a ${subject} at ${light}, number ${position}`,
    contentHash: hashOf(look + 1),
    labels: { style, subject, light, sku: `SKU-${position}` },
  };
  if (position % 50 === 49)
    return { row, end: { kind: 'failed', failure: failureOf(position), message: 'It failed.' } };
  const [width, height] = sizeOf(look);
  const image = {
    type: 'png',
    width,
    height,
    sizeBytes: 1_234_567,
    sha256: shaOf(look),
    thumbnail: true,
  } as const;
  return { row, end: { kind: 'stored', adopted: false, image } };
}

function failureOf(position: number): FailureKind {
  return position % 150 === 149 ? 'refused' : 'flaky';
}

function sizeOf(look: number): readonly [number, number] {
  return [
    [1024, 1024],
    [1344, 768],
    [768, 1344],
  ][look % 3] as [number, number];
}

function shaOf(look: number): string {
  return createHash('sha256').update(`look ${look}`).digest('hex');
}

/** Puts what a run of so many rows leaves for its seal, with thumbnails and without images; what it counted. */
export async function putLongBatch(store: ObjectStore, run: RunRef, rows: number): Promise<Tally> {
  for (let look = 0; look < LOOKS; look++) {
    const [width, height] = sizeOf(look);
    const picture = { width: width / 8, height: height / 8 };
    const thumbnail = await makeThumbnail(samplePng(picture.width, picture.height, 60 + look * 3), picture);
    if (!thumbnail) throw new Error('A sample image gave no thumbnail.');
    await store.put(at(run, thumbnailKey(run, shaOf(look))), thumbnail, { contentType: 'image/webp' });
  }
  return LedgerFiles.with(store, run, async (files) => {
    const carried = files.open();
    const failures: Partial<Record<FailureKind, number>> = {};
    let failed = 0;
    for (let position = 0; position < rows; position++) {
      const { row, end } = longBatchRow(position);
      const { rowId, contentHash, imageName } = row;
      if (end.kind === 'failed') {
        failed += 1;
        failures[end.failure] = (failures[end.failure] ?? 0) + 1;
      }
      const generations = [{ generation: 1, jobId: `job-${position}`, end: 'done', charged: 'yes' }];
      const imageKey = end.kind === 'stored' ? `images/train/${imageName}.png` : undefined;
      const settledAt = '2026-01-01T00:00:00.000Z';
      const outcome = { position, rowId, contentHash, runSeq: 1, generations, end, imageKey, settledAt };
      await carried.add({ row, outcome });
    }
    await carried.store(carriedKey(run, run.runSeq), 'application/jsonl');
    await files.put(batchFileKey(run), JSON.stringify(batchFile(run, rows)), 'application/json');
    return {
      ...EMPTY_TALLY,
      total: rows,
      stored: rows - failed,
      failed,
      failuresByKind: failures,
      generations: rows,
    };
  });
}

function batchFile({ batchId, runSeq }: RunRef, rows: number): unknown {
  const settings = {
    concurrency: 1,
    maxGenerations: 1,
    graceMs: 1,
    idempotencyHorizonMs: 1,
    probeFirstMs: 1,
    probeLongestMs: 1,
  };
  const sheet = {
    sheetKey: 'k',
    sheetName: 'sheet.csv',
    sheet: { map: {} },
    submittedAt: '2026-01-01T00:00:00.000Z',
  };
  return {
    format: 1,
    batchId,
    account: 'a',
    runSeq,
    sheet,
    settings,
    labelColumns: ['style', 'subject', 'light', 'sku'],
    delimiter: ',',
    shardCount: 0,
    rows: 0,
    carried: rows,
    rejected: 0,
    ingestedAt: '2026-01-01T00:00:00.000Z',
    digests: {},
  } satisfies Record<keyof Omit<BatchFile, 'base' | 'rejectColumns' | 'carriedTally'>, unknown>;
}
