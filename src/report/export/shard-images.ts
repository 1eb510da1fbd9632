import { createHash } from 'node:crypto';
import { pMapIterable } from 'p-map';
import { MemoryLimit } from '../../storage/byte-budget.js';
import { type RunRef, at, batchRoot, reportKey } from '../../storage/layout.js';
import { readOrFault } from '../../storage/object-fault.js';
import { type ObjectStore, StorageError } from '../../storage/object-store.js';
import { retryTransient } from '../../storage/transient-retry.js';
import { rowsOfShard, type PlannedShard } from './export-plan.js';
import type { ExportRow } from './export-row.js';

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
 * The rows of a shard in order, each with its image as it was sealed. Reads up to 48 MiB ahead. Rows with damaged
 * images are left out, and `onDamaged` is called for each. Throws what `readSealedImage` throws.
 */
export async function* shardImages(
  store: Pick<ObjectStore, 'read'>,
  run: RunRef,
  shard: PlannedShard,
  { signal, onDamaged }: { readonly signal: AbortSignal; readonly onDamaged: (image: DamagedImage) => void },
): AsyncGenerator<RowWithImage> {
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  // First come, first served, and the first is taken next: nothing waits for one that waits for memory.
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

const RETRY = { attempts: 4, firstDelayMs: 500 };

/** A row with an image that differs from the sealed one or cannot be read, and why. */
export interface DamagedImage {
  readonly row: ExportRow;
  readonly reason: string;
}

/** The bytes of a row's image, verified by length and sha256; a text says why the bucket has no such image. Throws `StorageError` if the bucket fails. */
async function readSealedImage(
  store: Pick<ObjectStore, 'read'>,
  run: RunRef,
  row: ExportRow,
  signal: AbortSignal,
): Promise<Buffer | string> {
  const witness = at(run, reportKey(run));
  const reading = await readOrFault(() => sealedBytes(store, run, row, signal), { store, witness, signal });
  return reading.kind === 'read' ? reading.value : reading.reason;
}

async function sealedBytes(
  store: Pick<ObjectStore, 'read'>,
  run: RunRef,
  row: ExportRow,
  signal: AbortSignal,
): Promise<Buffer | string> {
  const { sizeBytes, sha256 } = row.image;
  try {
    return await retryTransient(RETRY, signal, async () => {
      const body = await store.read(at(run, `${batchRoot(run)}${row.imageKey}`), signal);
      const image = Buffer.allocUnsafeSlow(sizeBytes);
      const hash = createHash('sha256');
      let filled = 0;
      for await (const chunk of body) {
        const bytes: Buffer = chunk;
        if (filled + bytes.length > sizeBytes) return 'it is longer than report.json says';
        image.set(bytes, filled);
        hash.update(bytes);
        filled += bytes.length;
      }
      if (filled < sizeBytes) return 'it is shorter than report.json says';
      if (hash.digest('hex') !== sha256) return 'its bytes have changed since the batch finished';
      return image;
    });
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not-found') return 'it is no longer in the bucket';
    throw error;
  }
}
