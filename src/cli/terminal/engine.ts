import { existsSync } from 'node:fs';
import path from 'node:path';
import { readConfig, requireParts, requireSound, type Config } from '../../config.js';
import { EMBEDDED_S3_REGION, startS3 } from '../../local/servers/s3.js';
import { startStack, type RunningStack } from '../../local/keeper/stack.js';
import { loadSecrets } from '../../local/servers/stack-data.js';
import { stackFolder } from '../../local/servers/stack-info.js';
import { EMBEDDED_BUCKET } from '../../local/servers/stack-parts.js';
import { loadWorker } from '../../load-worker.js';
import type { CommandContext } from './command-context.js';
import { EngineWorker, workerLog } from './engine-worker.js';

/** Everything that a batch needs to run: what is configured, and the rest started for it. */
export interface Engine {
  readonly config: Required<Config>;
  /** Whether this process runs a worker; it may start later, when the process with this folder's worker ends. */
  hasWorker(): boolean;
  /** Whether another command in this folder runs a worker when this one ends. */
  hasSuccessor(): boolean;
  /** Resolves when a part ended unexpectedly. */
  readonly lost: Promise<Error>;
}

/**
 * Starts what is neither configured nor running in this folder, gives `use` all of it, and always leaves it
 * afterwards. `single` refuses a second command of that name in this folder.
 */
export async function withEngine<T>(
  context: CommandContext,
  use: (engine: Engine) => Promise<T>,
  { single }: { readonly single?: string } = {},
): Promise<T> {
  const { cwd, environment, stack: found, stderr } = context;
  const config = readConfig(environment, undefined);
  requireSound(config);
  const needed = { temporal: !config.temporal, s3: !config.bucket, sandbox: !config.api };
  const isAllLocal = needed.temporal && needed.s3 && needed.sandbox;
  // Before servers are started needlessly.
  await loadWorker();
  let stack: RunningStack | undefined;
  const worker = new EngineWorker(cwd);
  context.finishing('the worker and local servers of this command');
  try {
    if (needed.temporal || needed.s3 || needed.sandbox) {
      const isRunning = [
        needed.temporal && !found?.temporal,
        needed.s3 && !found?.s3,
        needed.sandbox && !found?.api,
      ];
      if (isRunning.includes(true)) stderr.write('Starting local servers for what is not configured …\n');
      stack = await startStack({
        cwd,
        ...needed,
        worker: isAllLocal,
        ...(single !== undefined && { single }),
      });
    }
    const whole = readConfig(environment, stack?.info);
    const parts = requireParts(whole, ['temporal', 'bucket', 'api']);
    const { webhooks, notices, prices, taskQueue } = whole;
    const options = { ...parts, webhooks, notices, prices, taskQueue };
    // Commands of one folder that use only its own servers share one worker: the first one's, then the next one's.
    const folderWorker = isAllLocal ? stack : undefined;
    if (folderWorker && !folderWorker.isOurTurn()) {
      void folderWorker.turn.then(() => worker.startUnlessStopped(options));
    } else {
      await worker.start(options);
    }
    return await use({
      config: { ...whole, ...parts },
      hasWorker: () => worker.isStarted,
      hasSuccessor: () => folderWorker?.hasOthers() === true,
      lost: Promise.race([stack?.serverLost ?? never(), worker.lost]),
    });
  } finally {
    await worker.stop();
    await stack?.stop();
  }
}

/**
 * Gives `use` this folder's own bucket, starting its server if needed, if no other bucket is configured. So the
 * results of `run` can be read afterwards without starting anything first.
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

/** The same until `stop` is called; `context` is the given one if there is nothing to open. */
export async function openFolderBucket(
  context: CommandContext,
): Promise<{ readonly context: CommandContext; readonly stop: () => Promise<void> }> {
  const { cwd, config, environment, stack } = context;
  const rests =
    config.bucket === undefined && stack === undefined && existsSync(path.join(stackFolder(cwd), 's3'));
  if (!rests) return { context, stop: async () => undefined };
  const folder = stackFolder(cwd);
  const { accessKeyId, secretAccessKey } = (await loadSecrets(folder)).s3;
  // Independent of the stack's claim on the folder: two commands may read at once, or while a run begins.
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

async function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** Lists each part, whether it is real, and where it is. */
export function describeEngine(engine: Engine, cwd: string): string {
  const { temporal, bucket, api } = engine.config;
  const lines: [string, string][] = [];
  if (temporal) {
    const where = temporal.uiUrl ? `web UI ${temporal.uiUrl}` : temporal.address;
    lines.push(['Temporal', temporal.origin === 'stack' ? `embedded, ${where}` : where]);
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
      isSandbox ? 'sandbox: drawings, free of charge (set BANANAHUB_API_KEY for the real API)' : api.baseUrl,
    ]);
  }
  lines.push([
    'Worker',
    engine.hasWorker() ? `in this process, log ${path.relative(cwd, workerLog(cwd))}` : "this folder's",
  ]);
  return lines.map(([name, text]) => `${name.padEnd(10)} ${text}\n`).join('');
}

/** The folder behind a bucket of the embedded S3 server: its objects are the files in it. */
export function embeddedBucketFolder(cwd: string, bucket: string): string {
  return path.join(stackFolder(cwd), 's3', bucket);
}
