import type { RunningSandbox, SandboxOptions } from '../../src/sandbox/index.js';
import { startSandbox } from '../../src/sandbox/index.js';
import { startCommand, type RunningCommand, type Variables } from './command-line.js';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.js';
import { startTestStack, type TestStack } from './test-stack.js';

const API_KEY = 'test-key';

/** Real servers, a sandbox, and the environment in which commands find them. */
export interface TestEngine {
  readonly stack: TestStack;
  readonly sandbox: RunningSandbox;
  /** An empty folder to run commands in. */
  readonly folder: TemporaryFolder;
  readonly variables: Variables;
  /** The workers started so far. */
  readonly workers: readonly RunningCommand[];
  /** Starts a worker process; the caller may kill it, and `stop` ends it otherwise. */
  startWorker(): Promise<RunningCommand>;
  stop(): Promise<void>;
}

export async function startTestEngine(options: { readonly sandbox: SandboxOptions }): Promise<TestEngine> {
  const [stack, sandbox, folder] = await Promise.all([
    startTestStack(),
    startSandbox({ ...options.sandbox, keys: [API_KEY] }),
    temporaryFolder(),
  ]);
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = stack.s3;
  const variables = {
    TEMPORAL_ADDRESS: stack.temporal.address,
    BANANA_BUCKET: bucket,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    BANANAHUB_BASE_URL: sandbox.apiUrl,
    BANANAHUB_API_KEY: API_KEY,
  };
  const workers: RunningCommand[] = [];
  return {
    stack,
    sandbox,
    folder,
    variables,
    workers,
    startWorker: async () => {
      const worker = await startCommand(['worker'], {
        cwd: folder.path,
        variables,
        ready: 'The worker is ready.',
      });
      workers.push(worker);
      return worker;
    },
    stop: async () => {
      try {
        await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
        await sandbox.close();
      } finally {
        await stack.stop();
        await folder.remove();
      }
    },
  };
}
