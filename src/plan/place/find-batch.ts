import type { Client } from '@temporalio/client';
import { BATCH_ID_RULE, parseBatchId } from '../../domain/rows/ids.js';
import { UsageError } from '../../errors.js';
import { homeOf, type BatchLocation, type HomeFolder } from '../../storage/layout.js';
import type { ObjectStore, StorageError } from '../../storage/object-store.js';
import { findPlace } from './batch-place.js';
import { describeBatch, snapshotInMemo } from '../../status/describe-batch.js';

/** Where to search for a batch. */
export interface BatchFinder {
  readonly store: ObjectStore;
  /** The place of all batches that are at home. */
  readonly bucket: HomeFolder;
  readonly client?: Client;
  /** Why the bucket cannot be used; then Temporal is asked. */
  readonly bucketAway?: StorageError | undefined;
}

/**
 * The place, present or future, of the batch with an id; if the bucket cannot be used, its place by Temporal. Throws
 * a UsageError for an invalid batch id, and StorageError.
 */
export async function findBatch(
  { store, bucket, client, bucketAway }: BatchFinder,
  id: string,
): Promise<BatchLocation> {
  const batchId = parseBatchId(id);
  if (!batchId) throw new UsageError(`"${id}" is not a valid batch id: expected ${BATCH_ID_RULE}.`);
  const home = homeOf(bucket, batchId);
  if (!bucketAway) return findPlace(store, home);
  const description = client && (await describeBatch(client, home));
  if (!description) throw new UsageError(`Temporal has no batch "${batchId}".`);
  return snapshotInMemo(description)?.run ?? home;
}
