import { sleep } from '@temporalio/workflow';

/** The workflows of a build with other decisions: it cannot continue what other builds have begun. */
export async function runBatch(): Promise<void> {
  await sleep('1 hour');
}

export async function runShard(): Promise<void> {
  await sleep('1 hour');
}
