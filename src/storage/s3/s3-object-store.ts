import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
} from '@aws-sdk/client-s3';
import { type ObjectRef, type ObjectStore, type PutOptions, StorageError } from '../object-store.js';
import { attemptS3, sendOptions, type S3Call, storageErrorOf } from './s3-error.js';
import { checkS3Bucket, explainedPutError } from './s3-bucket-check.js';
import { createS3Client, type S3ConnectionOptions } from './s3-client.js';
import { copyEitherWay } from './s3-copy.js';
import { listPages } from './s3-listing.js';
import { wholeBody } from './s3-object-body.js';
import { presignedGet } from './s3-presign.js';
import { type PutBody, putCommand } from './s3-put-command.js';
import { retryTransient } from '../transient-retry.js';

const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/**
 * A bucket of AWS S3 or a compatible server; `close` releases its connections.
 *
 * Without options everything comes from the AWS SDK's own environment and credential chain. Transient faults are
 * retried, up to `maxAttempts` attempts, before they are thrown.
 */
export function createS3ObjectStore(options: S3ConnectionOptions = {}): ObjectStore {
  const client = createS3Client(options);
  const retry = { attempts: options.maxAttempts ?? 4, firstDelayMs: 200 };

  async function sendPut(ref: ObjectRef, body: PutBody, putOptions: PutOptions): Promise<{ etag: string }> {
    const { signal } = putOptions;
    try {
      return await attemptS3(putCall(ref, putOptions), signal, async () => {
        const { ETag } = await client.send(putCommand(ref, body, putOptions), sendOptions(signal));
        return { etag: ETag ?? '' };
      });
    } catch (error) {
      throw await explainedPutError(client, ref, error, signal);
    }
  }

  async function openBody(ref: ObjectRef, call: S3Call, signal: AbortSignal | undefined): Promise<Readable> {
    return attemptS3(call, signal, async () => {
      const { Body, ContentLength } = await client.send(
        new GetObjectCommand(place(ref)),
        sendOptions(signal),
      );
      if (!(Body instanceof Readable))
        throw new StorageError('other', ref, `read s3://${ref.bucket}/${ref.key}: no body.`);
      return wholeBody(Body, { sizeBytes: ContentLength, call, signal });
    });
  }

  const store: ObjectStore = {
    async put(ref, body, putOptions) {
      refuseUnfitMetadata(ref, putOptions);
      const sha256 = putOptions.sha256 ?? createHash('sha256').update(body).digest('hex');
      return sendPut(ref, { content: body, sizeBytes: body.byteLength, sha256 }, putOptions);
    },

    async putFile(ref, path, putOptions) {
      refuseUnfitMetadata(ref, putOptions);
      const { signal } = putOptions;
      const call = putCall(ref, putOptions);
      const { sizeBytes, sha256 } = await attemptS3(call, signal, async () => ({
        sizeBytes: (await stat(path)).size,
        sha256: putOptions.sha256 ?? (await fileSha256(path, signal)),
      }));
      return retryTransient(retry, signal, async () => {
        const content = createReadStream(path, { highWaterMark: 256 * 1024 });
        const fileFailed = new AbortController();
        // The request would wait for the rest of a file that cannot be read.
        content.once('error', (error) => fileFailed.abort(storageErrorOf(error, call)));
        const either =
          signal === undefined ? fileFailed.signal : AbortSignal.any([signal, fileFailed.signal]);
        try {
          return await sendPut(ref, { content, sizeBytes, sha256 }, { ...putOptions, signal: either });
        } finally {
          content.destroy();
        }
      });
    },

    async copy(from, to, copyOptions) {
      refuseUnfitMetadata(to, copyOptions);
      return copyEitherWay(client, store, from, to, copyOptions);
    },

    async read(ref, signal) {
      return openBody(ref, { action: 'read', ...ref }, signal);
    },

    async presignGet(ref, presignOptions) {
      return attemptS3({ action: 'presign', ...ref }, undefined, () =>
        presignedGet(client, ref, presignOptions),
      );
    },

    async signingCredentials(bucket) {
      return attemptS3({ action: 'presign', bucket }, undefined, async () => {
        const { sessionToken, expiration } = await client.config.credentials();
        const isTemporary = sessionToken !== undefined || expiration !== undefined;
        return { isTemporary, expiresAt: expiration };
      });
    },

    async readText(ref, signal) {
      const call = { action: 'read', ...ref };
      // The SDK has retried faults before the body; this is for an interrupted body.
      return retryTransient({ ...retry, attempts: 2 }, signal, async () => {
        const chunks: Uint8Array[] = [];
        let size = 0;
        for await (const chunk of await openBody(ref, call, signal)) {
          const bytes: Uint8Array = chunk;
          size += bytes.length;
          if (size > MAX_TEXT_BYTES) {
            throw new StorageError(
              'other',
              ref,
              `read s3://${ref.bucket}/${ref.key}: more than ${MAX_TEXT_BYTES} bytes.`,
            );
          }
          chunks.push(bytes);
        }
        return Buffer.concat(chunks).toString('utf8');
      });
    },

    async head(ref, signal) {
      try {
        return await attemptS3({ action: 'head', ...ref }, signal, async () => {
          const answer = await client.send(new HeadObjectCommand(place(ref)), sendOptions(signal));
          return {
            sizeBytes: answer.ContentLength ?? 0,
            etag: answer.ETag ?? '',
            metadata: answer.Metadata ?? {},
            ...(answer.ContentType === undefined ? {} : { contentType: answer.ContentType }),
            ...(answer.LastModified === undefined ? {} : { lastModified: answer.LastModified }),
          };
        });
      } catch (error) {
        if (error instanceof StorageError && error.code === 'not-found') return undefined;
        throw error;
      }
    },

    async *list(bucket, prefix, signal) {
      for await (const page of listPages(client, { bucket, prefix }, signal)) {
        for (const { Key, Size, ETag } of page.Contents ?? []) {
          if (Key !== undefined) yield { key: Key, sizeBytes: Size ?? 0, etag: ETag ?? '' };
        }
      }
    },

    async *listFolders(bucket, prefix, signal) {
      for await (const page of listPages(client, { bucket, prefix, delimiter: '/' }, signal)) {
        for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix !== undefined) yield Prefix;
      }
    },

    async delete(ref, signal) {
      try {
        await attemptS3({ action: 'delete', ...ref }, signal, () =>
          client.send(new DeleteObjectCommand(place(ref)), sendOptions(signal)),
        );
      } catch (error) {
        if (!(error instanceof StorageError && error.code === 'not-found')) throw error;
      }
    },

    async checkBucket(bucket, signal) {
      await checkS3Bucket(client, bucket, signal);
    },

    async createBucket(bucket) {
      try {
        await attemptS3({ action: 'create bucket', bucket }, undefined, () =>
          client.send(new CreateBucketCommand({ Bucket: bucket })),
        );
      } catch (error) {
        const cause = error instanceof StorageError ? error.cause : undefined;
        const exists = cause instanceof Error && /^BucketAlready(OwnedByYou|Exists)$/.test(cause.name);
        if (!exists) throw error;
        await checkS3Bucket(client, bucket);
      }
    },

    close() {
      client.destroy();
    },
  };
  return store;
}

function place(ref: ObjectRef): { Bucket: string; Key: string } {
  return { Bucket: ref.bucket, Key: ref.key };
}

function putCall(ref: ObjectRef, options: PutOptions): S3Call {
  return {
    action: options.condition?.kind === 'unchanged' ? 'replace' : 'put',
    bucket: ref.bucket,
    key: ref.key,
  };
}

/** Servers store other characters garbled, some without an error. */
function refuseUnfitMetadata(ref: ObjectRef, { metadata = {} }: PutOptions): void {
  const unfit = Object.entries(metadata).find(([name, value]) => !/^[\x20-\x7e]*$/.test(name + value));
  if (unfit === undefined) return;
  throw new StorageError(
    'other',
    ref,
    `put s3://${ref.bucket}/${ref.key}: metadata ${unfit[0]} is not visible ASCII.`,
  );
}

async function fileSha256(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, signal === undefined ? {} : { signal });
  return hash.digest('hex');
}
