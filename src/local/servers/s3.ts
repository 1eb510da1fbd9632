import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import getPort from 'get-port';
import { getOnce } from '../../network/get-once.js';
import { createS3ObjectStore } from '../../storage/s3/s3-object-store.js';
import { startChildServer } from './child-server.js';
import type { ChildServer } from './child-server.js';
import { findServerProgram } from './find-binary.js';

/** The region in signatures for the embedded S3 server. */
export const EMBEDDED_S3_REGION = 'us-east-1';

export interface S3Options {
  /** Buckets are folders in it, objects are files; created if it does not exist. */
  readonly dataDir: string;
  readonly logDir: string;
  /** Default: any free one. */
  readonly port?: number;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** An S3 server on 127.0.0.1; buckets are reached by path (`endpoint/bucket/key`). */
export interface S3Server extends ChildServer {
  readonly endpoint: string;
}

/** Starts an S3 server over a folder; what it has acknowledged survives the end of any process. */
export async function startS3(options: S3Options): Promise<S3Server> {
  const { dataDir, logDir, accessKey, secretKey } = options;
  const port = options.port ?? (await getPort());
  const address = `127.0.0.1:${String(port)}`;
  await Promise.all([dataDir, logDir].map((folder) => mkdir(folder, { recursive: true })));
  const server = await startChildServer({
    name: 'The embedded S3 server',
    program: findServerProgram('versitygw'),
    args: [
      '--port',
      address,
      '--region',
      EMBEDDED_S3_REGION,
      '--quiet',
      '--keep-alive',
      '--health',
      '/healthz',
      'posix',
      dataDir,
    ],
    // In the environment, so that no process list shows the secret.
    env: { ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey },
    logFile: join(logDir, 's3.log'),
    isReady: async (signal) => {
      // Not `fetch`, which uses a proxy with NODE_USE_ENV_PROXY.
      return getOnce(`http://${address}/healthz`, signal, async ({ statusCode }) => statusCode === 200);
    },
  });
  return { ...server, endpoint: `http://${address}` };
}

/** How to reach one bucket of a server. */
export interface S3Location {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Creates the bucket if it does not exist. */
export async function createBucket({ endpoint, region, bucket, ...credentials }: S3Location): Promise<void> {
  const store = createS3ObjectStore({ endpoint, region, credentials });
  try {
    await store.createBucket(bucket);
  } finally {
    store.close();
  }
}
