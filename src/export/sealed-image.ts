import { createHash } from 'node:crypto';
import { UsageError } from '../errors.js';
import { at, batchRoot, type RunRef } from '../storage/layout.js';
import { StorageError, type ObjectStore } from '../storage/object-store.js';
import { retryTransient } from '../storage/transient-retry.js';
import type { ExportRow } from './export-row.js';

const RETRY = { attempts: 4, firstDelayMs: 500 };

/**
 * The bytes of a row's image, which are those that were sealed: their count and their sha256. Throws a UsageError where
 * the bucket holds others or none, and `StorageError`.
 */
export async function readSealedImage(
  store: Pick<ObjectStore, 'read'>,
  run: RunRef,
  row: ExportRow,
  signal: AbortSignal,
): Promise<Buffer> {
  const { sizeBytes, sha256 } = row.image;
  try {
    return await retryTransient(RETRY, signal, async () => {
      const body = await store.read(at(run, `${batchRoot(run)}${row.imageKey}`), signal);
      const image = Buffer.allocUnsafeSlow(sizeBytes);
      const hash = createHash('sha256');
      let filled = 0;
      for await (const chunk of body) {
        const bytes: Buffer = chunk;
        if (filled + bytes.length > sizeBytes) throw notSealed(run, row, 'is longer than what was sealed');
        image.set(bytes, filled);
        hash.update(bytes);
        filled += bytes.length;
      }
      if (filled < sizeBytes) throw notSealed(run, row, 'is shorter than what was sealed');
      if (hash.digest('hex') !== sha256)
        throw notSealed(run, row, 'has other bytes than those that were sealed');
      return image;
    });
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not-found') {
      throw notSealed(run, row, 'is not in the bucket any more');
    }
    throw error;
  }
}

function notSealed({ batchId }: RunRef, { rowId, imageKey }: ExportRow, what: string): UsageError {
  return new UsageError(
    `The image of row ${JSON.stringify(rowId)} (${imageKey}) ${what}, so the export is not finished. List all such images with: banana-batch verify ${batchId} --deep. Buy it anew with: banana-batch redo ${batchId} --rows ${rowId}, then export again.`,
  );
}
