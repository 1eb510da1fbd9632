import type { FailureKind } from '../../src/domain/rows/failure-kind.js';
import type { BatchId, ContentHash, RowId } from '../../src/domain/rows/ids.js';
import type { RowOutcome } from '../../src/domain/rows/outcome.js';
import type { ShardRow } from '../../src/domain/rows/row.js';
import type { RunRef } from '../../src/storage/layout.js';

export const sampleRun: RunRef = {
  bucket: 'bucket',
  root: 'sample/',
  batchId: 'sample' as BatchId,
  runSeq: 1,
};

/** A row that was never tried. */
export function sampleRow(rowId: string): ShardRow {
  return {
    position: 0,
    line: 2,
    rowId: rowId as RowId,
    contentHash: hashOf(1),
    prompt: 'a bird',
    model: 'pro',
    aspectRatio: '1:1',
    resolution: '1K',
    inputImages: [],
    imageName: rowId,
    labels: {},
    generation: 1,
  };
}

/** A stored row whose content and image are identified by numbers. */
export function storedOutcome(rowId: string, content: number, image: number): RowOutcome {
  const sha256 = hashOf(image);
  return {
    position: 0,
    rowId: rowId as RowId,
    contentHash: hashOf(content),
    runSeq: 1,
    generations: [{ generation: 1, end: 'done', charged: 'yes' }],
    end: {
      kind: 'stored',
      adopted: false,
      image: { type: 'png', width: 1, height: 1, sizeBytes: 9, sha256 },
    },
    imageKey: `images/train/${rowId}.png`,
    settledAt: '2026-01-01T00:00:00.000Z',
  };
}

/** A row, named after its failure, whose only job failed. */
export function failedOutcome(failure: FailureKind, content: number): RowOutcome {
  return {
    position: 0,
    rowId: failure as string as RowId,
    contentHash: hashOf(content),
    runSeq: 1,
    generations: [{ generation: 1, end: 'failed', charged: 'unknown' }],
    end: { kind: 'failed', failure, message: '' },
    settledAt: '2026-01-01T00:00:00.000Z',
  };
}

/** 64 hex digits that start with a number. */
export function hashOf(value: number): ContentHash {
  return value.toString(16).padStart(8, '0').padEnd(64, '0') as ContentHash;
}
