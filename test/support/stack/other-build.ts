import { sleep } from '@temporalio/workflow';

/** The workflows of a build that does otherwise: what other builds have begun it cannot continue. */
export async function runBatch(): Promise<void> {
  await sleep('1 hour');
}

export async function runShard(): Promise<void> {
  await sleep('1 hour');
}
