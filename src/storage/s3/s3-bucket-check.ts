import { HeadBucketCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { type ObjectRef, StorageError, isTransient } from '../object-store.js';
import { attemptS3, sendOptions } from './s3-error.js';

/** Throws unless the bucket exists and the credentials may use it; the `StorageError` distinguishes missing, denied, wrong credentials and unreachable. */
export async function checkS3Bucket(client: S3Client, bucket: string, signal?: AbortSignal): Promise<void> {
  const call = { action: 'use bucket', bucket };
  try {
    await attemptS3(call, signal, () =>
      client.send(new HeadBucketCommand({ Bucket: bucket }), sendOptions(signal)),
    );
  } catch (error) {
    if (!(error instanceof StorageError) || isTransient(error) || error.code === 'bad-credentials')
      throw error;
    // A HEAD has no body and so no reason; a LIST has both. If even that succeeds, the bucket is usable.
    await attemptS3(call, signal, () =>
      client.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 }), sendOptions(signal)),
    );
  }
}

/**
 * The error of a put, with its real cause if a broken connection hides it: a server that refuses a large body without
 * reading it resets the connection, and the refusal is lost.
 */
export async function explainedPutError(
  client: S3Client,
  ref: ObjectRef,
  error: unknown,
  signal?: AbortSignal,
): Promise<unknown> {
  if (!(error instanceof StorageError) || error.code !== 'unreachable') return error;
  try {
    await checkS3Bucket(client, ref.bucket, signal);
    return error;
  } catch (reason) {
    if (!(reason instanceof StorageError) || isTransient(reason)) return error;
    return new StorageError(reason.code, ref, `put s3://${ref.bucket}/${ref.key} failed: ${reason.message}`, {
      cause: error,
    });
  }
}
