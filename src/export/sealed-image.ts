import { createHash } from 'node:crypto';
import { at, batchRoot, reportKey, type RunRef } from '../storage/layout.js';
import { readOrFault } from '../storage/object-fault.js';
import { StorageError, type ObjectStore } from '../storage/object-store.js';
import { retryTransient } from '../storage/transient-retry.js';
import type { ExportRow } from '../report/export/export-row.js';

const RETRY = { attempts: 4, firstDelayMs: 500 };

/** A row's image that is not what was sealed, or cannot be read, and why. */
export interface DamagedImage {
  readonly row: ExportRow;
  readonly reason: string;
}

/**
 * The bytes of a row's image, which are those that were sealed: their count and their sha256; a text says why the bucket
 * has no such image. Throws `StorageError` where the bucket fails.
 */
export async function readSealedImage(
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
