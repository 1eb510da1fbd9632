import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { TEST_API_KEY } from '../../test/support/stack/test-services.js';
import type { TestS3 } from '../../test/support/stack/test-stack.js';
import { PoolResult, type PoolJob } from './pool-messages.js';

export const POOL_NAME = 'promise pool';

const PROGRAM = path.resolve(import.meta.dirname, 'promise-pool-process.ts');

/**
 * Makes all images with a pool of promises in a process of its own, which keeps nothing and repeats nothing.
 * @throws if any of them fails.
 */
export async function runPromisePool(
  s3: TestS3,
  work: Pick<PoolJob, 'apiUrl' | 'concurrency' | 'pollMs' | 'prompts'> & { readonly warmUp?: string[] },
): Promise<PoolResult> {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = s3;
  const job: PoolJob = {
    warmUp: [],
    ...work,
    apiKey: TEST_API_KEY,
    s3: { endpoint, region, bucket, accessKeyId, secretAccessKey },
    prefix: 'promise-pool/',
  };
  // The flags with which this process loads TypeScript.
  const child = spawn(process.execPath, [...process.execArgv, PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  child.stdin.end(JSON.stringify(job));
  const output = await text(child.stdout);
  const [code] = await ended;
  if (code !== 0) throw new Error(`The promise pool has ended with exit code ${String(code)}.`);
  return PoolResult.parse(JSON.parse(output));
}
