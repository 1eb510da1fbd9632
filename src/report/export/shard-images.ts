import { pMapIterable } from 'p-map';
import { MemoryLimit } from '../../storage/byte-budget.js';
import type { RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { rowsOfShard, type PlannedShard } from './export-plan.js';
import type { ExportRow } from './export-row.js';
import { readSealedImage, type DamagedImage } from '../../export/sealed-image.js';

/** A row with the bytes of its image. */
export interface RowWithImage {
  readonly row: ExportRow;
  readonly bytes: Buffer;
}

interface ReadImage {
  readonly row: ExportRow;
  readonly bytes: Buffer | string;
  readonly release: () => void;
}

const READS_AT_ONCE = 24;
const READ_AHEAD_BYTES = 48 * 1024 * 1024;

/**
 * The rows of a shard in order, each with its image as it was sealed. The next ones are read meanwhile, up to 48 MiB
 * of them. Rows whose image is damaged are left out, and `onDamaged` is called for each. Throws what `readSealedImage` throws.
 */
export async function* shardImages(
  store: Pick<ObjectStore, 'read'>,
  run: RunRef,
  shard: PlannedShard,
  { signal, onDamaged }: { readonly signal: AbortSignal; readonly onDamaged: (image: DamagedImage) => void },
): AsyncGenerator<RowWithImage> {
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  // First come, first served, and the first is the next to be taken: no one waits for one that waits for room.
  const budget = new MemoryLimit(READ_AHEAD_BYTES);
  const read = async (row: ExportRow): Promise<ReadImage> => {
    const release = await budget.reserve(row.image.sizeBytes);
    return { row, bytes: await readSealedImage(store, run, row, either), release };
  };
  try {
    for await (const { row, bytes, release } of pMapIterable(rowsOfShard(shard), read, {
      concurrency: READS_AT_ONCE,
      backpressure: 4 * READS_AT_ONCE,
    })) {
      release();
      if (typeof bytes === 'string') onDamaged({ row, reason: bytes });
      else yield { row, bytes };
    }
  } finally {
    stopped.abort();
  }
}
