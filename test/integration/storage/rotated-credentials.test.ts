import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import getPort from 'get-port';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createBucket, EMBEDDED_S3_REGION, startS3 } from '../../../src/local/servers/s3.js';
import type { ChildServer } from '../../../src/local/servers/child-server.js';
import type { ObjectStore } from '../../../src/storage/object-store.js';
import { createS3ObjectStore } from '../../../src/storage/s3/s3-object-store.js';
import { eventually } from '../../support/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const FIRST: Keys = { accessKeyId: 'first-access', secretAccessKey: 'first-secret-of-the-server' };
const NEW_SECRET: Keys = { ...FIRST, secretAccessKey: 'another-secret-of-the-server' };
const NEW_PAIR: Keys = { accessKeyId: 'second-access', secretAccessKey: 'second-secret-of-the-server' };
const BUCKET = 'rotated';

/** Where the SDK finds keys: writes them where the variables point. */
const SOURCES = {
  'the shared credentials file': async (folder: string, { accessKeyId, secretAccessKey }: Keys) => {
    const file = path.join(folder, 'credentials');
    await writeFile(
      file,
      `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
    );
    return { AWS_SHARED_CREDENTIALS_FILE: file, AWS_CONFIG_FILE: path.join(folder, 'none') };
  },
  'a process': async (folder: string, { accessKeyId, secretAccessKey }: Keys) => {
    const [program, config] = [path.join(folder, 'keys.sh'), path.join(folder, 'config')];
    const keys = { Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey };
    await writeFile(program, `#!/bin/sh\necho '${JSON.stringify(keys)}'\n`);
    await chmod(program, 0o755);
    await writeFile(config, `[default]\ncredential_process = ${program}\n`);
    return { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: path.join(folder, 'none') };
  },
} as const;

describe.each(Object.entries(SOURCES))('S3 credentials from %s that are rotated', (_, give) => {
  let folder: TemporaryFolder;
  let port: number;
  let server: ChildServer;
  let store: ObjectStore;
  const start = ({ accessKeyId, secretAccessKey }: Keys) =>
    startS3({
      dataDir: path.join(folder.path, 'objects'),
      logDir: folder.path,
      port,
      accessKey: accessKeyId,
      secretKey: secretAccessKey,
    });
  beforeAll(async () => {
    [folder, port] = [await temporaryFolder(), await getPort()];
  });
  beforeEach(async () => {
    server = await start(FIRST);
    const endpoint = `http://127.0.0.1:${port}`;
    await createBucket({ endpoint, region: EMBEDDED_S3_REGION, bucket: BUCKET, ...FIRST });
    Object.assign(process.env, await give(folder.path, FIRST));
    store = createS3ObjectStore({ endpoint, region: EMBEDDED_S3_REGION });
    await put('before');
  });
  afterEach(async () => {
    store?.close();
    await server?.stop();
  });
  afterAll(async () => {
    for (const name of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) delete process.env[name];
    await folder?.remove();
  });

  const put = (key: string) =>
    store.put({ bucket: BUCKET, key }, Buffer.from(key), { contentType: 'text/plain' });
  const rotateServer = async (keys: Keys): Promise<void> => {
    await server.stop();
    server = await start(keys);
  };

  it.each([NEW_SECRET, NEW_PAIR])('are read again by the request that is refused', async (keys) => {
    await rotateServer(keys);
    await give(folder.path, keys);
    await put('after');
    expect(await store.readText({ bucket: BUCKET, key: 'after' })).toBe('after');
  });

  it('are read repeatedly until they are valid, also for streamed bodies', async () => {
    const file = path.join(folder.path, 'body');
    await writeFile(file, 'streamed');
    await rotateServer(NEW_SECRET);
    await expect(put('too-early')).rejects.toMatchObject({ code: 'bad-credentials' });
    await give(folder.path, NEW_SECRET);
    await eventually(
      async () => {
        await store.putFile({ bucket: BUCKET, key: 'file' }, file, { contentType: 'text/plain' });
        return true;
      },
      { what: 'the new credentials are taken', withinMs: 20_000 },
    );
    expect(await store.readText({ bucket: BUCKET, key: 'file' })).toBe('streamed');
  });
});
