import { statSync } from 'node:fs';
import { join } from 'node:path';
import { StorageError } from '../../storage/object-store.js';
import { describeLog, fullDiskText } from './child-server.js';
import type { ChildServer } from './child-server.js';
import { EmbeddedError } from './embedded-error.js';
import type { ServerProgram } from './find-binary.js';
import { createBucket, EMBEDDED_S3_REGION, startS3 } from './s3.js';
import { startSandboxServer } from './sandbox-server.js';
import type { StackPorts, StackSecrets } from './stack-data.js';
import type { StackInfo } from './stack-info.js';
import { startTemporal } from './temporal.js';

/** The bucket of every stack with S3. */
export const EMBEDDED_BUCKET = 'banana-batch';

/** What a part is started with. */
export interface PartContext {
  readonly folder: string;
  readonly logDir: string;
  readonly ports: StackPorts;
  readonly secrets: StackSecrets;
}

/** A running part. */
export interface Part {
  /** Its entry in the stack's description. */
  readonly info: Pick<StackInfo, 'temporal' | 's3' | 'api'>;
  /** Undefined for a part in this process. */
  readonly pid: number | undefined;
  /** Resolves when the part has ended; never for one in this process. */
  readonly ended: Promise<EmbeddedError>;
  stop(): Promise<void>;
}

interface PartKind {
  readonly programs: readonly ServerProgram[];
  readonly listeners: readonly (keyof StackPorts)[];
  start(context: PartContext): Promise<Part>;
}

/** All possible parts of a stack. */
export const PART_KINDS = {
  temporal: { programs: ['temporal'], listeners: ['temporal', 'temporalUi'], start: startTemporalPart },
  s3: { programs: ['versitygw'], listeners: ['s3'], start: startS3Part },
  sandbox: { programs: [], listeners: ['api', 'images'], start: startSandboxPart },
} as const satisfies Record<string, PartKind>;

async function startTemporalPart({ folder, logDir, ports }: PartContext): Promise<Part> {
  const server = await startTemporal({
    dataDir: join(folder, 'temporal'),
    logDir,
    port: ports.temporal,
    uiPort: ports.temporalUi,
  });
  const { address, uiUrl, namespace } = server;
  return {
    info: { temporal: { address, uiUrl, namespace } },
    pid: server.pid,
    ended: endOf(server, 'The embedded Temporal server', join(logDir, 'temporal.log')),
    stop: () => server.stop(),
  };
}

async function startS3Part({ folder, logDir, ports, secrets }: PartContext): Promise<Part> {
  const { accessKeyId, secretAccessKey } = secrets.s3;
  const server = await startS3({
    dataDir: join(folder, 's3'),
    logDir,
    port: ports.s3,
    accessKey: accessKeyId,
    secretKey: secretAccessKey,
  });
  const s3 = {
    endpoint: server.endpoint,
    region: EMBEDDED_S3_REGION,
    bucket: EMBEDDED_BUCKET,
    accessKeyId,
    secretAccessKey,
  };
  try {
    await createBucket(s3);
  } catch (error) {
    await server.stop();
    throw isInternalError(error) && isThere(join(folder, 's3', EMBEDDED_BUCKET))
      ? strippedBucket(folder, error)
      : error;
  }
  return {
    info: { s3 },
    pid: server.pid,
    ended: endOf(server, 'The embedded S3 server', join(logDir, 's3.log')),
    stop: () => server.stop(),
  };
}

function isInternalError(error: unknown): boolean {
  return error instanceof StorageError && error.message.includes('InternalError');
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The server stores its data on buckets and objects in extended attributes, and fails if a copy lost them. */
function strippedBucket(folder: string, cause: unknown): EmbeddedError {
  return new EmbeddedError(
    'stack-data-broken',
    `The embedded S3 server cannot use its files in ${join(folder, 's3')}: the files have lost their extended attributes, which hold the metadata of the objects ("cp -r" loses them). Copy the folder from its source again, with "cp -a" (or "rsync -aX", "tar --xattrs").`,
    { cause },
  );
}

async function startSandboxPart({ folder, ports, secrets }: PartContext): Promise<Part> {
  const apiKey = secrets.sandboxApiKey;
  const server = await startSandboxServer({
    dataDir: join(folder, 'sandbox'),
    ports,
    apiKey,
  });
  return {
    info: { api: { baseUrl: server.baseUrl, apiKey } },
    pid: undefined,
    ended: new Promise(() => undefined),
    stop: () => server.close(),
  };
}

async function endOf(server: ChildServer, title: string, logFile: string): Promise<EmbeddedError> {
  const { signal, code } = await server.exited;
  const how = signal === null ? `with exit code ${String(code)}` : `by ${signal}`;
  const why = (await fullDiskText(logFile)) ?? describeLog(logFile);
  return new EmbeddedError('server-failed', `${title} has stopped ${how}. ${why}`);
}
