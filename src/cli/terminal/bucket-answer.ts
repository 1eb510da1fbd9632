import { requireParts, type BucketConfig, type Config } from '../../config.js';
import { StorageError } from '../../storage/object-store.js';
import { createS3ObjectStore } from '../../storage/s3/s3-object-store.js';

/** Time limit for a bucket's answer to a command that needs it. */
export const BUCKET_ANSWERS_WITHIN_MS = 8_000;
/** The same for a command that can work without it. */
const BUCKET_MISSED_AFTER_MS = 2_000;

/** Why the bucket cannot be used; undefined if it can. */
export type BucketAnswer = Promise<StorageError | undefined>;

/**
 * Asks the bucket whether it is usable; commands that can work without it may call this early, and await the answer
 * later, or never. Throws a UsageError at once if none is configured.
 */
export function askBucket(config: Config): BucketAnswer {
  const { bucket } = requireParts(config, ['bucket']);
  const answer = answerOf(bucket);
  answer.catch(() => undefined);
  return answer;
}

async function answerOf(bucket: BucketConfig): BucketAnswer {
  try {
    await checkAnswers(bucket, BUCKET_MISSED_AFTER_MS);
    return undefined;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return error;
  }
}

/** Throws a StorageError unless the bucket is usable and answers in time. */
export async function checkAnswers({ s3, bucket }: BucketConfig, withinMs: number): Promise<void> {
  const store = createS3ObjectStore({
    ...s3,
    connectionTimeoutMs: withinMs,
    idleTimeoutMs: withinMs,
    maxAttempts: 2,
    repeatsSilence: false,
  });
  try {
    await store.checkBucket(bucket);
  } finally {
    store.close();
  }
}
