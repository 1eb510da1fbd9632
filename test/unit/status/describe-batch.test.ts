import { describe, expect, it } from 'vitest';
import { snapshotInMemo } from '../../../src/status/describe-batch.js';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { SNAPSHOT_MEMO, type BatchSnapshot } from '../../../src/workflows/protocol/batch-messages.js';

/** A type with every optional field filled in, at any depth. */
type Whole<T> = T extends readonly (infer Item)[]
  ? readonly Whole<Item>[]
  : T extends string | number | boolean
    ? T
    : { readonly [Field in keyof T]-?: Whole<Required<T>[Field]> };

const tally = {
  total: 12,
  pending: 1,
  inFlight: 2,
  copying: 1,
  stored: 4,
  failed: 2,
  rejected: 1,
  cancelled: 1,
  failuresByKind: { refused: 2 },
  generations: 9,
};

const SNAPSHOT: Whole<Omit<BatchSnapshot, 'tally'>> & Pick<BatchSnapshot, 'tally'> = {
  run: { bucket: 'pictures', root: 'batches/cats/', batchId: 'cats' as BatchId, runSeq: 3 },
  phase: 'running',
  paused: true,
  pauses: [
    { kind: 'budget', message: 'It is spent.', since: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z' },
  ],
  budget: { cap: '10.00', committed: '9.84', images: 41, unknown: '0.24' },
  cancelling: false,
  holds: [
    {
      scope: 'service',
      code: 'unavailable',
      message: 'The service is down.',
      textId: 'text-1',
      status: 503,
      retryAfterMs: 30_000,
      since: '2026-01-01T00:00:00Z',
      nextTrialAt: '2026-01-01T00:01:00Z',
    },
  ],
  stoppedMs: 1200,
  tally,
  openShards: [{ shard: 0, rows: 500 }],
  carriedStored: 7,
  concurrency: 100,
  pace: { concurrency: 40, notBefore: '2026-01-01T00:00:10Z', fullAt: '2026-01-01T00:05:00Z' },
  startedAt: '2026-01-01T00:00:00Z',
  endedAt: '2026-01-01T01:00:00Z',
  failure: 'The bucket is gone.',
  asOf: '2026-01-01T00:30:00Z',
};

describe('the snapshot in a batch’s memo', () => {
  it('reads back with every field', () => {
    const memo = { [SNAPSHOT_MEMO]: JSON.parse(JSON.stringify(SNAPSHOT)) };
    expect(snapshotInMemo({ memo })).toEqual(SNAPSHOT);
  });

  it('is undefined if another program wrote it', () => {
    expect(snapshotInMemo({ memo: { [SNAPSHOT_MEMO]: { phase: 'running' } } })).toBeUndefined();
    expect(snapshotInMemo({})).toBeUndefined();
  });
});
