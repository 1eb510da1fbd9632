import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ObjectStore, StorageError } from '../../../../src/storage/object-store.js';
import { createS3ObjectStore } from '../../../../src/storage/s3/s3-object-store.js';
import {
  type ScriptedServer,
  type SeenRequest,
  startScriptedServer,
} from '../../../support/services/scripted-server.js';
import { type TemporaryFolder, temporaryFolder } from '../../../support/temporary-folder.js';

const SECRET = 'the-secret-access-key';
const ref = { bucket: 'bucket', key: 'a/key' };
const text = { contentType: 'text/plain' };

let server: ScriptedServer;
let store: ObjectStore;
let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startScriptedServer();
  store = createS3ObjectStore({
    endpoint: server.origin,
    credentials: { accessKeyId: 'AKTEST', secretAccessKey: SECRET },
    maxAttempts: 3,
    idleTimeoutMs: 300,
  });
});
afterAll(async () => {
  store.close();
  await server.close();
  await folder.remove();
});

async function failureOf(call: Promise<unknown>): Promise<StorageError> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.message.includes(SECRET)) throw new Error('The error gives the secret away.', { cause: error });
    return error;
  }
  throw new Error('The call should have failed.');
}

function refuse(response: ServerResponse, status: number, code: string, message = 'Because.'): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
}

/** Fails the first puts with 503, then accepts them. */
function failFirst(times: number): void {
  let count = 0;
  server.answerWith((_request, response) => {
    count += 1;
    if (count <= times) refuse(response, 503, 'SlowDown');
    else response.writeHead(200, { etag: '"e1"' }).end();
  });
}

describe('a put', () => {
  const body = Buffer.alloc(2_500_000, 'b');
  const sha256 = createHash('sha256').update(body).digest('hex');

  function expectWholePut(seen: SeenRequest | undefined): void {
    expect(seen?.method).toBe('PUT');
    expect(seen?.path).toMatch(/^\/bucket\/a\/key(\?x-id=PutObject)?$/);
    expect(seen?.body.length).toBe(body.length);
    expect(seen?.headers).toMatchObject({
      'content-length': String(body.length),
      'content-type': 'text/plain',
      'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64'),
      'x-amz-content-sha256': sha256,
    });
    expect(seen?.headers['transfer-encoding']).toBeUndefined();
    expect(seen?.headers.expect).toBeUndefined();
  }

  it('sends the body once, with one sha256 for checksum and signature', async () => {
    failFirst(0);
    await store.put(ref, body, { ...text, condition: { kind: 'absent' } });
    expect(server.seen).toHaveLength(1);
    expectWholePut(server.seen[0]);
    expect(server.seen[0]?.headers['if-none-match']).toBe('*');
  });

  it('is repeated with the same bytes after a temporary fault, from memory and from a file', async () => {
    const path = join(folder.path, 'body');
    await writeFile(path, body);
    failFirst(2);
    expect(await store.put(ref, body, { ...text, sha256 })).toEqual({ etag: '"e1"' });
    expectWholePut(server.seen[2]);
    failFirst(2);
    const condition = { kind: 'unchanged', etag: '"e0"' } as const;
    expect(await store.putFile(ref, path, { ...text, condition })).toEqual({ etag: '"e1"' });
    expect(server.seen).toHaveLength(3);
    expectWholePut(server.seen[2]);
    expect(server.seen[2]?.headers['if-match']).toBe('"e0"');
  });

  it('is given up after the allowed attempts', async () => {
    const path = join(folder.path, 'small');
    await writeFile(path, 'small');
    failFirst(9);
    const failure = await failureOf(store.put(ref, Buffer.from('x'), text));
    expect(failure).toMatchObject({ code: 'unavailable', ref });
    expect(failure.message).toContain('put s3://bucket/a/key failed: 503 SlowDown: Because.');
    expect(server.seen).toHaveLength(3);
    failFirst(9);
    expect((await failureOf(store.putFile(ref, path, text))).code).toBe('unavailable');
    expect(server.seen).toHaveLength(3);
  });

  it('that the server cuts off is explained by checking the bucket', async () => {
    server.answerWith((request, response) => {
      if (request.method === 'PUT') response.destroy();
      else refuse(response, 403, 'AccessDenied');
    });
    const failure = await failureOf(store.put(ref, Buffer.from('x'), text));
    expect(failure).toMatchObject({ code: 'denied', ref });
    server.answerWith((request, response) => {
      if (request.method === 'PUT') response.destroy();
      else response.writeHead(200).end();
    });
    expect((await failureOf(store.put(ref, Buffer.from('x'), text))).code).toBe('unreachable');
  });
});

describe('the meaning of a server’s refusal', () => {
  it.each([
    [403, 'AccessDenied', 'denied'],
    [403, 'RequestTimeTooSkewed', 'denied'],
    [403, 'InvalidAccessKeyId', 'bad-credentials'],
    [403, 'SignatureDoesNotMatch', 'bad-credentials'],
    [400, 'ExpiredToken', 'bad-credentials'],
    [404, 'XAdminUserNotFound', 'bad-credentials'],
    [404, 'NoSuchBucket', 'bucket-missing'],
    [404, 'NoSuchKey', 'not-found'],
    [412, 'PreconditionFailed', 'precondition-failed'],
    [400, 'BadDigest', 'corrupted'],
    [409, 'ConditionalRequestConflict', 'unavailable'],
    [500, 'InternalError', 'unavailable'],
    [507, 'InsufficientStorage', 'unavailable'],
    [301, 'PermanentRedirect', 'other'],
    [400, 'InvalidBucketName', 'other'],
    [501, 'NotImplemented', 'other'],
  ])('%i %s is %s', async (status, code, expected) => {
    server.answerWith((_request, response) => refuse(response, status, code));
    const failure = await failureOf(store.read(ref));
    expect(failure.code).toBe(expected);
    expect(failure.message).toContain(`read s3://bucket/a/key failed: ${status} ${code}`);
    expect(failure.cause).toBeInstanceOf(Error);
  });

  it('keeps no signature of a URL in the message', async () => {
    server.answerWith((_request, response) =>
      refuse(response, 403, 'AccessDenied', 'https://s3.test/k?X-Amz-Signature=f00d was refused'),
    );
    expect((await failureOf(store.read(ref))).message).not.toContain('f00d');
  });

  it('is found by a listing if the check of a bucket only returns 400', async () => {
    server.answerWith((request, response) => {
      if (request.method === 'HEAD') response.writeHead(400).end();
      else refuse(response, 403, 'InvalidAccessKeyId');
    });
    expect((await failureOf(store.checkBucket('bucket'))).code).toBe('bad-credentials');
  });
});

/** The number of requests to a server that never answers. */
async function requests(repeatsSilence: boolean): Promise<number> {
  let count = 0;
  server.answerWith(() => void (count += 1));
  const silent = createS3ObjectStore({
    endpoint: server.origin,
    credentials: { accessKeyId: 'AKTEST', secretAccessKey: SECRET },
    maxAttempts: 2,
    idleTimeoutMs: 100,
    repeatsSilence,
  });
  await failureOf(silent.head(ref));
  silent.close();
  return count;
}

describe('an unreachable server', () => {
  it('is reported as unreachable', async () => {
    const gone = await startScriptedServer();
    await gone.close();
    const nowhere = createS3ObjectStore({
      endpoint: gone.origin,
      credentials: { accessKeyId: 'AKTEST', secretAccessKey: SECRET },
      maxAttempts: 1,
    });
    try {
      const failure = await failureOf(nowhere.checkBucket('bucket'));
      expect(failure.code).toBe('unreachable');
      expect(failure.message).toContain('AWS_ENDPOINT_URL_S3');
      expect(failure.message).toContain(
        `Cannot reach bucket s3://bucket at ${gone.origin}: connection refused.`,
      );
      expect(failure.unreachable).toBe(`cannot be reached: connection refused (use bucket, ${gone.origin})`);
    } finally {
      nowhere.close();
    }
  });

  it('is reported as unreachable if it accepts requests and never answers', async () => {
    server.answerWith(() => undefined);
    const failure = await failureOf(store.head(ref));
    expect(failure.code).toBe('unreachable');
    expect(failure.message).toContain(`at ${server.origin} does not answer (head a/key).`);
    expect(failure.unreachable).toBe(`does not answer (head, ${server.origin})`);
  });

  it('is retried after no answer only if requested', async () => {
    expect([await requests(false), await requests(true)]).toEqual([1, 2]);
  });
});

describe('a body that is read', () => {
  it('never ends successfully if it was cut off', async () => {
    cutFirst(9);
    const body = await store.read(ref);
    const failure = await failureOf(body.toArray());
    expect(failure).toMatchObject({ code: 'unreachable', ref });
  });

  it('is read again if requested as a whole', async () => {
    cutFirst(1);
    expect(await store.readText(ref)).toBe('0123456789');
  });

  it('is refused as text if longer than 64 MiB', async () => {
    server.answerWith((_request, response) =>
      response.writeHead(200).end(Buffer.alloc(64 * 1024 * 1024 + 1, 'x')),
    );
    expect((await failureOf(store.readText(ref))).code).toBe('other');
  });
});

/** Sends less than it declares, the first `times` times. */
function cutFirst(times: number): void {
  let count = 0;
  server.answerWith((_request, response) => {
    count += 1;
    response.writeHead(200, { 'content-length': 10 });
    if (count <= times) response.write('short', () => response.destroy());
    else response.end('0123456789');
  });
}
