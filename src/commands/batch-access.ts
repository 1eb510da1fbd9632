import { Client, Connection } from '@temporalio/client';
import { findPlace } from '../batch/batch-place.js';
import { accountIdOf } from '../bananahub/account-id.js';
import type { AccountId } from '../bananahub/client.js';
import { requireParts, type BucketConfig, type Config, type TemporalConfig } from '../config.js';
import { BATCH_ID_RULE, parseBatchId } from '../domain/ids.js';
import { UsageError } from '../errors.js';
import { homeOf, type BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { createS3ObjectStore } from '../storage/s3-object-store.js';

/** The means to look at batches: the bucket, and Temporal where it answers. */
export interface BatchAccess {
  readonly store: ObjectStore;
  readonly bucket: BucketConfig;
  readonly client: Client;
  readonly temporal: TemporalConfig;
  readonly taskQueue: string;
  /** Images come from this folder's own sandbox and cost nothing. */
  readonly isFree: boolean;
  /** The account that this command's own configuration names; undefined where only the workers have a key. */
  readonly account: AccountId | undefined;
}

/** Bounds every call of Temporal: a command says within seconds that it is away. */
export const TEMPORAL_DEADLINE_MS = 5_000;

/** Gives `use` the bucket and Temporal, and closes them afterwards. Throws a UsageError or StorageError where one is away. */
export async function withBatchAccess<T>(
  config: Config,
  use: (access: BatchAccess) => Promise<T>,
): Promise<T> {
  const { temporal, bucket } = requireParts(config, ['temporal', 'bucket']);
  return withBucket(config, async (store) => {
    const connection = await connectTemporal(temporal);
    try {
      const client = new Client({ connection, namespace: temporal.namespace });
      const { api, taskQueue } = config;
      const isFree = api?.origin === 'stack';
      return await use({ store, bucket, client, temporal, taskQueue, isFree, account: ownAccount(config) });
    } finally {
      await connection.close();
    }
  });
}

/** The account of the configured API; undefined where none is. */
export function ownAccount({ api }: Pick<Config, 'api'>): AccountId | undefined {
  return api && (api.account ?? accountIdOf(new URL(api.baseUrl), api.apiKey));
}

/** Gives `use` the bucket, once it is known to be there and usable, and closes it afterwards. */
export async function withBucket<T>(
  config: Config,
  use: (store: ObjectStore, bucket: BucketConfig) => Promise<T>,
): Promise<T> {
  const { bucket } = requireParts(config, ['bucket']);
  const store = createS3ObjectStore(bucket.s3);
  try {
    await store.checkBucket(bucket.bucket);
    return await use(store, bucket);
  } finally {
    store.close();
  }
}

/** A connection to Temporal. Throws a UsageError where it does not answer within `TEMPORAL_DEADLINE_MS`. */
export async function connectTemporal(temporal: TemporalConfig): Promise<Connection> {
  const { connection, address, namespace } = temporal;
  try {
    return await Connection.connect({ ...connection, connectTimeout: TEMPORAL_DEADLINE_MS });
  } catch (cause) {
    throw new UsageError(
      `Temporal at ${address} (namespace ${namespace}) does not answer. Start it, set TEMPORAL_ADDRESS to where it is, or use local servers: npx banana-batch dev`,
      { cause },
    );
  }
}

/** Where a batch of the configured bucket lives, or would live. Throws a UsageError for what cannot be a batch's id. */
export async function locate(
  { store, bucket }: Pick<BatchAccess, 'store' | 'bucket'>,
  text: string,
): Promise<BatchLocation> {
  const batchId = parseBatchId(text);
  if (!batchId) throw new UsageError(`"${text}" cannot be a batch id: expected ${BATCH_ID_RULE}.`);
  return findPlace(store, homeOf(bucket, batchId));
}
