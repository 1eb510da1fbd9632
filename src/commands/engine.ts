import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig, requireParts, type Config } from '../config.js';
import type { EmbeddedError } from '../embedded/embedded-error.js';
import { EMBEDDED_S3_REGION, startS3 } from '../embedded/s3.js';
import { startStack, type RunningStack } from '../embedded/stack.js';
import { loadSecrets } from '../embedded/stack-data.js';
import { stackFolder } from '../embedded/stack-info.js';
import { EMBEDDED_BUCKET } from '../embedded/stack-parts.js';
import type { RunningWorker } from '../worker.js';
import type { CommandContext } from './command-context.js';

/** Everything that a batch needs to run: what is configured, and the rest started by this process. */
export interface Engine {
  readonly config: Required<Config>;
  /** Which parts this process has started. */
  readonly started: {
    readonly temporal: boolean;
    readonly s3: boolean;
    readonly sandbox: boolean;
    readonly worker: boolean;
  };
  /** Resolves when a part has ended without having been asked to. */
  readonly lost: Promise<EmbeddedError | Error>;
}

/** Starts what is not configured, gives `use` the whole, and ends it afterwards whatever happens. */
export async function withEngine<T>(
  context: CommandContext,
  use: (engine: Engine) => Promise<T>,
): Promise<T> {
  const { cwd, config, environment, stack: foreign, stderr } = context;
  const needed = {
    temporal: config.temporal === undefined,
    s3: config.bucket === undefined,
    sandbox: config.api === undefined,
  };
  let stack: RunningStack | undefined;
  let worker: RunningWorker | undefined;
  context.finishing('the worker and local servers of this command');
  try {
    if (needed.temporal || needed.s3 || needed.sandbox) {
      stderr.write('Starting what is not configured …\n');
      stack = await startStack({ cwd, ...needed });
    }
    const whole = readConfig(environment, stack?.info ?? foreign);
    const parts = requireParts(whole, ['temporal', 'bucket', 'api']);
    // The process that owns this folder's stack has a worker for it, if all that it works with is the stack's.
    const isShared = [parts.temporal, parts.bucket, parts.api].every(({ origin }) => origin === 'stack');
    const ownsWorker = foreign === undefined || !isShared;
    if (ownsWorker) {
      // Loaded only here: the SDK's worker takes longer to load than a look at a batch takes.
      const [{ startWorker }, { logTemporalTo, logToFile }] = await Promise.all([
        import('../worker.js'),
        import('../log.js'),
      ]);
      const log = logToFile(workerLog(cwd));
      logTemporalTo(log);
      const { webhooks, notices, prices, taskQueue } = whole;
      worker = await startWorker({ ...parts, webhooks, notices, prices, taskQueue, log });
    }
    const started = { ...needed, worker: ownsWorker };
    const lost = Promise.race([stack?.serverLost ?? never(), worker ? workerLost(worker, cwd) : never()]);
    return await use({ config: { ...whole, ...parts }, started, lost });
  } finally {
    await worker?.stop();
    await stack?.stop();
  }
}

/** Where the worker of `run` and `dev` writes its log. */
function workerLog(cwd: string): string {
  return path.join(stackFolder(cwd), 'logs', 'worker.log');
}

/**
 * Gives `use` this folder's own bucket, whose server rests between runs, where no other bucket is configured. So what
 * `run` has made can be looked at afterwards, without anything to start first.
 */
export async function withFolderBucket<T>(
  context: CommandContext,
  use: (context: CommandContext) => Promise<T>,
): Promise<T> {
  const found = await openFolderBucket(context);
  try {
    return await use(found.context);
  } finally {
    await found.stop();
  }
}

/** The same until `stop` is called; `context` is the one given where there is nothing to open. */
export async function openFolderBucket(
  context: CommandContext,
): Promise<{ readonly context: CommandContext; readonly stop: () => Promise<void> }> {
  const { cwd, config, environment, stack } = context;
  const rests =
    config.bucket === undefined && stack === undefined && existsSync(path.join(stackFolder(cwd), 's3'));
  if (!rests) return { context, stop: async () => undefined };
  const folder = stackFolder(cwd);
  const { accessKeyId, secretAccessKey } = (await loadSecrets(folder)).s3;
  // Beside the stack's claim on the folder: looks may come two at once, or while a run begins.
  const server = await startS3({
    dataDir: path.join(folder, 's3'),
    logDir: path.join(folder, 'logs'),
    accessKey: accessKeyId,
    secretKey: secretAccessKey,
  });
  const { endpoint } = server;
  const s3 = { endpoint, region: EMBEDDED_S3_REGION, bucket: EMBEDDED_BUCKET, accessKeyId, secretAccessKey };
  const resting = { pid: process.pid, startedAt: new Date().toISOString(), s3 };
  const stop = (): Promise<void> => server.stop();
  try {
    return { context: { ...context, stack: resting, config: readConfig(environment, resting) }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function workerLost(worker: RunningWorker, cwd: string): Promise<Error> {
  const reason = await worker.done.then(
    () => 'it stopped',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  // A server that died takes the worker with it: let the server speak first.
  await sleep(500);
  return new Error(`The worker has ended: ${reason}. Its log: ${path.relative(cwd, workerLog(cwd))}`);
}

async function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** Says of each part whether it is real and where it is. */
export function describeEngine(engine: Engine, cwd: string): string {
  const { config, started } = engine;
  const { temporal, bucket, api } = config;
  const lines: [string, string][] = [];
  if (temporal) {
    const where = temporal.uiUrl ? `web UI ${temporal.uiUrl}` : temporal.address;
    lines.push(['Temporal', started.temporal ? `embedded, ${where}` : where]);
  }
  if (bucket) {
    const isFolder = bucket.origin === 'stack';
    const folder = path.relative(cwd, embeddedBucketFolder(cwd, bucket.bucket));
    lines.push([
      'Bucket',
      isFolder ? `embedded, folder ${folder}/` : `s3://${bucket.bucket}/${bucket.prefix}`,
    ]);
  }
  if (api) {
    const isSandbox = api.origin === 'stack';
    lines.push([
      'API',
      isSandbox ? 'sandbox: drawings, free of charge (set BANANAHUB_API_KEY for the real one)' : api.baseUrl,
    ]);
  }
  lines.push([
    'Worker',
    started.worker ? `in this process, log ${path.relative(cwd, workerLog(cwd))}` : "this folder's",
  ]);
  return lines.map(([name, text]) => `${name.padEnd(10)} ${text}\n`).join('');
}

/** The folder behind a bucket of the embedded S3 server: its objects are the files in it. */
export function embeddedBucketFolder(cwd: string, bucket: string): string {
  return path.join(stackFolder(cwd), 's3', bucket);
}
