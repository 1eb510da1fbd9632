import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CopyObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { hashObject } from '../hash-object.js';
import {
  StorageError,
  type CopyOptions,
  type CopyWay,
  type ObjectRef,
  type ObjectStore,
} from '../object-store.js';
import { attemptS3, sendOptions } from './s3-error.js';
import { conditionHeaders } from './s3-put-command.js';

/** Copies within the storage. Throws a StorageError, with code `corrupted` if the copy has different bytes. */
async function copyWithin(
  client: S3Client,
  from: ObjectRef,
  to: ObjectRef,
  options: CopyOptions,
): Promise<void> {
  const { signal, sha256 } = options;
  const copied = await attemptS3({ action: 'copy to', ...to }, signal, () =>
    client.send(copyCommand(from, to, options), sendOptions(signal)),
  );
  const found = copied.CopyObjectResult?.ChecksumSHA256;
  if (found === undefined || found === Buffer.from(sha256, 'hex').toString('base64')) return;
  throw corrupted(from, to);
}

/**
 * The same through this machine, for servers that do not support the copy: some answer 501 (or 400) to the checksum,
 * the condition or the metadata of a copy. The source must be the named version, with bytes of that digest.
 */
async function copyThroughHere(
  store: Pick<ObjectStore, 'head' | 'read' | 'putFile'>,
  from: ObjectRef,
  to: ObjectRef,
  options: CopyOptions,
): Promise<void> {
  const { signal, sha256, sourceEtag, ...putOptions } = options;
  const folder = await mkdtemp(join(tmpdir(), 'banana-batch-copy-'));
  try {
    const file = join(folder, 'object');
    const head = await store.head(from, signal);
    const hashed = await hashObject(store, from, { into: file, signal });
    if (head?.etag !== sourceEtag || hashed === undefined) {
      throw new StorageError(
        'precondition-failed',
        to,
        `copy s3://${from.bucket}/${from.key} to s3://${to.bucket}/${to.key}: the source changed during the copy.`,
      );
    }
    if (hashed.sha256 !== sha256) throw corrupted(from, to);
    await store.putFile(to, file, { ...putOptions, sha256, ...(signal && { signal }) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies within the storage if the server supports that, else through this machine; returns which. Throws a StorageError. */
export async function copyEitherWay(
  client: S3Client,
  store: Pick<ObjectStore, 'head' | 'read' | 'putFile'>,
  from: ObjectRef,
  to: ObjectRef,
  options: CopyOptions,
): Promise<CopyWay> {
  try {
    await copyWithin(client, from, to, options);
    return 'within-storage';
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'other') throw error;
    // The server refused the request itself, not this object: the other way needs no unusual feature.
    await copyThroughHere(store, from, to, options);
    return 'through-here';
  }
}

function corrupted(from: ObjectRef, to: ObjectRef): StorageError {
  return new StorageError(
    'corrupted',
    to,
    `copy s3://${from.bucket}/${from.key} to s3://${to.bucket}/${to.key}: the copy has other bytes.`,
  );
}

function copyCommand(from: ObjectRef, to: ObjectRef, options: CopyOptions): CopyObjectCommand {
  return new CopyObjectCommand({
    Bucket: to.bucket,
    Key: to.key,
    CopySource: [from.bucket, ...from.key.split('/')].map(encodeURIComponent).join('/'),
    CopySourceIfMatch: options.sourceEtag,
    MetadataDirective: 'REPLACE',
    Metadata: { ...options.metadata },
    ContentType: options.contentType,
    ChecksumAlgorithm: 'SHA256',
    ...conditionHeaders(options.condition),
  });
}
