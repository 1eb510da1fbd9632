import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { TEST_API_KEY } from '../../test/support/stack/test-services.js';
import type { TestStack } from '../../test/support/stack/test-stack.js';
import { PeerResult, type PeerWork } from './peer-work.js';

/** Another program that makes the same images; each runs in a process of its own. */
export interface ImagePeer {
  readonly name: string;
  readonly program: string;
}

/** Keeps nothing and repeats nothing. */
export const PROMISE_POOL: ImagePeer = { name: 'promise pool', program: 'promise-pool-process.ts' };

/** A Temporal workflow that starts a child workflow for each row: durable, but it repeats a create that fails. */
export const CHILD_WORKFLOWS: ImagePeer = {
  name: 'a child workflow per row',
  program: 'child-workflows-process.ts',
};

/**
 * Makes all images with another program, on the same servers.
 * @throws if any of them fails.
 */
export async function runPeer(
  { name, program }: ImagePeer,
  { s3, temporal }: TestStack,
  work: Pick<PeerWork, 'apiUrl' | 'concurrency' | 'pollMs' | 'prompts'> & { readonly warmUp?: string[] },
): Promise<PeerResult> {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = s3;
  const { address, namespace } = temporal;
  const message: PeerWork = {
    warmUp: [],
    ...work,
    apiKey: TEST_API_KEY,
    s3: { endpoint, region, bucket, accessKeyId, secretAccessKey },
    temporal: { address, namespace },
    prefix: `${program}/`,
  };
  // The flags with which this process loads TypeScript.
  const args = [...process.execArgv, path.resolve(import.meta.dirname, program)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  child.stdin.end(JSON.stringify(message));
  const output = await text(child.stdout);
  const [code] = await ended;
  if (code !== 0) throw new Error(`The peer (${name}) has ended with exit code ${String(code)}.`);
  return PeerResult.parse(JSON.parse(output));
}
