import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { bucketReach } from '../../bananahub/bucket-reach.js';
import type { BucketConfig, Config } from '../../config.js';
import { CONDITIONS_ADVICE, IGNORED } from '../../storage/conditional-puts.js';
import {
  StorageError,
  type ObjectRef,
  type ObjectStore,
  type PutCondition,
} from '../../storage/object-store.js';
import { getOnce } from '../../network/get-once.js';
import { createS3ObjectStore } from '../../storage/s3/s3-object-store.js';
import { check, messageOf, ok, problem, warning, type CheckResult, type Finding } from './check.js';

/** Whether the bucket supports everything needed: one call of each kind, on test objects that are deleted again. */
export async function checkBucket(
  { bucket: config, api }: Pick<Config, 'bucket' | 'api'>,
  interrupted: AbortSignal,
): Promise<readonly CheckResult[]> {
  if (!config) return [{ name: 'bucket', ...NOT_CONFIGURED }];
  // A check must not be retried for so long that it reports nothing in time.
  const store = createS3ObjectStore({
    ...config.s3,
    maxAttempts: 2,
    connectionTimeoutMs: 4_000,
    idleTimeoutMs: 8_000,
  });
  try {
    const reached = await check('bucket', interrupted, async (signal) => {
      await store.checkBucket(config.bucket, signal);
      return ok(`${nameOf(config)} exists.`);
    });
    if (reached.state === 'problem') return [reached];
    const reach = await check('bucket input images', interrupted, async () => inputReach(config, api));
    return [reached, ...(await checkObjects(store, config, interrupted)), reach];
  } finally {
    store.close();
  }
}

const NOT_CONFIGURED = problem(
  'No bucket is configured.',
  'Set BANANA_BUCKET (and AWS credentials; AWS_ENDPOINT_URL_S3 for other S3 servers), or start local servers: npx banana-batch dev',
);

/** Whether the API can fetch from the bucket, as far as can be seen from here. */
async function inputReach({ s3: { endpoint } }: BucketConfig, api: Config['api']): Promise<Finding> {
  if (!api) return ok('Not checked whether BananaHub can reach the bucket: no API key is configured here.');
  const host = endpoint === undefined ? 'AWS' : new URL(endpoint).origin;
  switch (await bucketReach(endpoint, api)) {
    case 'reachable':
      return ok(
        `The API at ${new URL(api.baseUrl).origin} should be able to fetch input images from the bucket.`,
      );
    case 'doubtful':
      return warning(
        `${host} resolves to a private network here: BananaHub may be unable to reach it.`,
        'Only input images from files and s3:// need this; try one such row first.',
      );
    case 'out-of-reach':
      return warning(
        `${new URL(api.baseUrl).origin} cannot reach the bucket at ${host}.`,
        'Rows with input images from files or s3:// are refused; prompts alone and http(s) URLs work. For input images, use a bucket that is reachable from the internet.',
      );
  }
}

function nameOf({ bucket, prefix, s3 }: BucketConfig): string {
  return `s3://${bucket}/${prefix}${s3.endpoint ? ` at ${new URL(s3.endpoint).origin}` : ''}`;
}

async function checkObjects(
  store: ObjectStore,
  { bucket, prefix }: BucketConfig,
  interrupted: AbortSignal,
): Promise<readonly CheckResult[]> {
  const name = `${prefix}.banana-batch-doctor/${randomUUID()}`;
  const probe = new ProbeObject(store, { bucket, key: name });
  const spoilt = { bucket, key: `${name}-spoilt` };
  const copied = { bucket, key: `${name}-copied` };
  const results: CheckResult[] = [];
  let removed: CheckResult;
  try {
    const put = await check('bucket put', interrupted, (signal) => probe.put(signal));
    results.push(put);
    if (put.state !== 'problem') {
      results.push(await check('bucket get', interrupted, (signal) => probe.get(signal)));
      results.push(await check('bucket presigned get', interrupted, (signal) => probe.getPresigned(signal)));
      results.push(await check('bucket put if absent', interrupted, (signal) => probe.putIfAbsent(signal)));
      results.push(
        await check('bucket put if unchanged', interrupted, (signal) => probe.putIfUnchanged(signal)),
      );
      results.push(await check('bucket copy', interrupted, (signal) => probe.copy(copied, signal)));
      results.push(await check('bucket checksum', interrupted, (signal) => putSpoilt(store, spoilt, signal)));
    }
  } finally {
    // Cleaned up even when interrupted.
    removed = await check('bucket delete', new AbortController().signal, async (signal) => {
      await store.delete(probe.ref, signal);
      await store.delete(spoilt, signal);
      await store.delete(copied, signal);
      return (await store.head(probe.ref, signal))
        ? problem('A deleted object is still there.', 'Check the S3 server: deletes must work.')
        : ok('Objects can be deleted.');
    });
  }
  return [...results, removed];
}

/** Clocks differ. */
const PRESIGNED_BEFORE_MS = 10 * 60_000;

/** The test object that is written, read and replaced. */
class ProbeObject {
  readonly ref: ObjectRef;
  readonly #store: ObjectStore;
  readonly #body = randomBytes(1024);
  #etag = '';

  constructor(store: ObjectStore, ref: ObjectRef) {
    this.#store = store;
    this.ref = ref;
  }

  async put(signal: AbortSignal): Promise<Finding> {
    this.#etag = (await this.#put(signal, { kind: 'absent' })).etag;
    return ok('Objects can be written.');
  }

  async get(signal: AbortSignal): Promise<Finding> {
    const read = await buffer(await this.#store.read(this.ref, signal));
    return read.equals(this.#body)
      ? ok('Objects are read back as they were written.')
      : problem(
          'An object was read back with other bytes than were written.',
          'Look for a proxy or gateway that changes bodies.',
        );
  }

  /** In the way in which the service fetches input images. */
  async getPresigned(signal: AbortSignal): Promise<Finding> {
    const signing = { signedAtMs: Date.now() - PRESIGNED_BEFORE_MS, validSeconds: 3600 };
    const presigned = await this.#store.presignGet(this.ref, signing);
    const { statusCode, read } = await getOnce(presigned, signal, async (response) => ({
      statusCode: response.statusCode,
      read: Buffer.from(await response.body.arrayBuffer()),
    }));
    return statusCode === 200 && read.equals(this.#body)
      ? ok('A presigned URL opens an object.')
      : problem(
          `A presigned URL answers ${statusCode} instead of the object.`,
          'Input images from files and s3:// need presigned URLs: check the clocks, AWS_REGION, and proxies in front of the bucket.',
        );
  }

  async putIfAbsent(signal: AbortSignal): Promise<Finding> {
    return (await isRefused(() => this.#put(signal, { kind: 'absent' })))
      ? ok('A conditional put (If-None-Match) does not overwrite an existing object.')
      : problem(IGNORED.absent, CONDITIONS_ADVICE);
  }

  async putIfUnchanged(signal: AbortSignal): Promise<Finding> {
    const other = `"${createHash('md5').update('another version').digest('hex')}"`;
    if (!(await isRefused(() => this.#put(signal, { kind: 'unchanged', etag: other })))) {
      return problem(IGNORED.unchanged, CONDITIONS_ADVICE);
    }
    this.#etag = (await this.#put(signal, { kind: 'unchanged', etag: this.#etag })).etag;
    return ok('A conditional put (If-Match) replaces only the given version.');
  }

  /** In the way in which renamed images are copied. */
  async copy(to: ObjectRef, signal: AbortSignal): Promise<Finding> {
    const way = await this.#store.copy(this.ref, to, {
      contentType: 'application/octet-stream',
      metadata: { probe: 'copied' },
      sha256: createHash('sha256').update(this.#body).digest('hex'),
      sourceEtag: this.#etag,
      condition: { kind: 'absent' },
      signal,
    });
    const copied = await this.#store.head(to, signal);
    if (copied?.metadata['probe'] !== 'copied') {
      return problem(
        'A copied object does not have the metadata given to the copy.',
        'Renamed images are copied with new metadata: use a server that supports x-amz-metadata-directive.',
      );
    }
    return way === 'within-storage'
      ? ok('Objects can be copied within the bucket.')
      : warning(
          'The server refuses copies with a checksum and a condition.',
          'Renamed images are downloaded and uploaded instead: slower, but as safe.',
        );
  }

  #put(signal: AbortSignal, condition: PutCondition): Promise<{ readonly etag: string }> {
    return this.#store.put(this.ref, this.#body, {
      contentType: 'application/octet-stream',
      condition,
      signal,
    });
  }
}

async function isRefused(put: () => Promise<unknown>): Promise<boolean> {
  try {
    await put();
    return false;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'precondition-failed') return true;
    throw error;
  }
}

/** Puts bytes with the hash of others: a server that checks refuses them. */
async function putSpoilt(store: ObjectStore, ref: ObjectRef, signal: AbortSignal): Promise<Finding> {
  const sha256 = createHash('sha256').update('other bytes').digest('hex');
  try {
    await store.put(ref, Buffer.from('these bytes'), { contentType: 'text/plain', sha256, signal });
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return error.code === 'unreachable' || error.code === 'unavailable'
      ? problem(messageOf(error))
      : ok('Uploads that do not match their checksum are refused.');
  }
  return warning(
    'The server stored bytes that do not match their checksum: it does not check x-amz-checksum-sha256.',
    'Images damaged in transit would go unnoticed; prefer a server that checks.',
  );
}
