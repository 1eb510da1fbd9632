import { Client, Connection } from '@temporalio/client';
import { TEMPORAL_DEADLINE_MS } from '../../network/temporal-calls.js';
import { accountIdOf } from '../../bananahub/account-id.js';
import type { AccountId } from '../../bananahub/client.js';
import { requireParts, type BucketConfig, type Config, type TemporalConfig } from '../../config.js';
import { UsageError } from '../../errors.js';
import { directToThisMachine } from '../../network/temporal-channel.js';
import { absentStore } from '../../storage/absent-store.js';
import { addressOf, type BatchLocation } from '../../storage/layout.js';
import type { ObjectStore, StorageError } from '../../storage/object-store.js';
import { createS3ObjectStore } from '../../storage/s3/s3-object-store.js';
import { askBucket, BUCKET_ANSWERS_WITHIN_MS, checkAnswers, type BucketAnswer } from './bucket-answer.js';
import type { CommandContext } from './command-context.js';

/** Access to batches: the bucket, and Temporal if it answers. */
export interface BatchAccess {
  readonly store: ObjectStore;
  readonly bucket: BucketConfig;
  readonly client: Client;
  readonly temporal: TemporalConfig;
  readonly taskQueue: string;
  /** Images come from this folder's own sandbox and cost nothing. */
  readonly isFree: () => boolean;
  /** The account of this command's own configuration; undefined if only the workers have a key. */
  readonly account: () => AccountId | undefined;
  /** Why the bucket cannot be used, if the command works without it: then `store` refuses everything. */
  readonly bucketAway: StorageError | undefined;
}

/** Gives `use` the bucket and Temporal, and closes them afterwards. Throws a UsageError or StorageError if one does not answer. */
export async function withBatchAccess<T>(
  config: Config,
  use: (access: BatchAccess) => Promise<T>,
): Promise<T> {
  const { temporal } = requireParts(config, ['temporal', 'bucket']);
  return withBucket(config, (store, bucket) =>
    withTemporal(temporal, (client) => use(accessOf(config, { store, bucket, client, temporal }))),
  );
}

/** The same if Temporal alone is enough: an unusable bucket is reported on `stderr` in one line, and as `bucketAway`. */
export async function withTemporalAccess<T>(
  { config, stderr }: Pick<CommandContext, 'config' | 'stderr'>,
  use: (access: BatchAccess) => Promise<T>,
): Promise<T> {
  const { temporal } = requireParts(config, ['temporal', 'bucket']);
  const answer = askBucket(config);
  return withTemporal(temporal, (client) =>
    withBucketIfAny(
      config,
      ({ store, bucket, away }) => {
        if (away) stderr.write(`${away.message}\n`);
        return use({ ...accessOf(config, { store, bucket, client, temporal }), bucketAway: away });
      },
      answer,
    ),
  );
}

function accessOf(
  config: Config,
  parts: Pick<BatchAccess, 'store' | 'bucket' | 'client' | 'temporal'>,
): BatchAccess {
  return {
    ...parts,
    taskQueue: config.taskQueue,
    // Only commands that spend or compare accounts need a valid API configuration.
    isFree: () => config.api?.origin === 'stack',
    account: () => ownAccount(config),
    bucketAway: undefined,
  };
}

async function withTemporal<T>(temporal: TemporalConfig, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await connectTemporal(temporal);
  try {
    return await use(new Client({ connection, namespace: temporal.namespace }));
  } finally {
    await connection.close();
  }
}

/** The account of the configured API; undefined if none is configured. */
export function ownAccount({ api }: Pick<Config, 'api'>): AccountId | undefined {
  return api && (api.account ?? accountIdOf(new URL(api.baseUrl), api.apiKey));
}

/** Gives `use` the bucket after checking that it exists and is usable, and closes it afterwards. */
export async function withBucket<T>(
  config: Config,
  use: (store: ObjectStore, bucket: BucketConfig) => Promise<T>,
): Promise<T> {
  const { bucket } = requireParts(config, ['bucket']);
  await checkAnswers(bucket, BUCKET_ANSWERS_WITHIN_MS);
  return withStore(bucket, (store) => use(store, bucket));
}

/** The bucket, or why it cannot be used: then `store` refuses everything with that error. */
export interface BucketIfAny {
  readonly store: ObjectStore;
  readonly bucket: BucketConfig;
  readonly away: StorageError | undefined;
}

/** Gives `use` the bucket if it answers within a few seconds and is usable, and closes it afterwards. `answer`: from an earlier `askBucket`. */
export async function withBucketIfAny<T>(
  config: Config,
  use: (found: BucketIfAny) => Promise<T>,
  answer: BucketAnswer = askBucket(config),
): Promise<T> {
  const { bucket } = requireParts(config, ['bucket']);
  const away = await answer;
  if (away) return use({ store: absentStore(away), bucket, away });
  return withStore(bucket, (store) => use({ store, bucket, away: undefined }));
}

async function withStore<T>({ s3 }: BucketConfig, use: (store: ObjectStore) => Promise<T>): Promise<T> {
  const store = createS3ObjectStore(s3);
  try {
    return await use(store);
  } finally {
    store.close();
  }
}

/** A connection to Temporal. Throws a UsageError if it does not answer within `TEMPORAL_DEADLINE_MS`. */
export async function connectTemporal(temporal: TemporalConfig): Promise<Connection> {
  const { connection, address, namespace } = temporal;
  try {
    return await Connection.connect({
      ...directToThisMachine(connection),
      connectTimeout: TEMPORAL_DEADLINE_MS,
    });
  } catch (cause) {
    throw new UsageError(
      `Temporal at ${address} (namespace ${namespace}) does not answer. Start it, set TEMPORAL_ADDRESS to its address, or use local servers: npx banana-batch dev`,
      { cause },
    );
  }
}

/** The refusal for an id that neither Temporal nor the bucket knows. */
export function unknownBatch(location: BatchLocation): UsageError {
  return new UsageError(
    `There is no batch "${location.batchId}" at ${addressOf(location)}. List all batches with: banana-batch list`,
  );
}
