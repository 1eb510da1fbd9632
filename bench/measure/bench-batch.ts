import { createHash } from 'node:crypto';
import type { BatchId } from '../../src/domain/rows/ids.js';
import { shardLength } from '../../src/domain/batch/window.js';
import type { JobListing } from '../../src/local/sandbox/index.js';
import { batchWorkflowId } from '../../src/workflows/protocol/names.js';
import type { runBatch } from '../../src/workflows/run-batch.js';
import { countHistoryEvents } from '../../test/support/batches/batch-evidence.js';
import { runCommand } from '../../test/support/commands/command-line.js';
import type { TestEngine } from '../../test/support/stack/test-engine.js';

/** For workers and commands: the product's own limits instead of those of quick tests. */
export const OWN_LIMITS = { NODE_OPTIONS: '' };

/** A batch that has ended. */
export interface MeasuredBatch {
  /** From the start of its workflow to its end, by Temporal's clock. */
  readonly wallMs: number;
  /** Events in the histories of all its workflows. */
  readonly events: number;
}

export function rowsPerSecond(rows: number, { wallMs }: Pick<MeasuredBatch, 'wallMs'>): number {
  return rows / (wallMs / 1_000);
}

/**
 * Runs a batch of prompts to its end on an engine with a worker.
 * @throws if not every row has got an image, unless the service `refuses` some.
 */
export async function measureBatch(
  engine: TestEngine,
  {
    id,
    prompts,
    args = [],
    refuses = false,
  }: {
    readonly id: string;
    readonly prompts: readonly string[];
    readonly args?: readonly string[];
    readonly refuses?: boolean;
  },
): Promise<MeasuredBatch> {
  const { folder, variables, stack } = engine;
  const submitted = await runCommand(['submit', '-', '--id', id, ...args], {
    cwd: folder.path,
    variables: { ...variables, ...OWN_LIMITS },
    input: `prompt\n${prompts.join('\n')}\n`,
  });
  if (submitted.code !== 0) throw new Error(submitted.stderr);
  const { client } = stack.temporal;
  const batchId = id as BatchId;
  const handle = client.workflow.getHandle<typeof runBatch>(batchWorkflowId(batchId));
  const { end, tally } = await handle.result();
  if (end !== 'completed' || (tally.stored !== prompts.length && !refuses)) {
    throw new Error(`Batch ${id} has ended as ${end} with ${tally.stored} of ${prompts.length} images.`);
  }
  const { startTime, closeTime } = await handle.describe();
  const run = { runSeq: 1, shardCount: Math.ceil(prompts.length / shardLength(prompts.length)) };
  const { parent, shards } = await countHistoryEvents(client, batchId, run);
  return { wallMs: (closeTime ?? new Date()).getTime() - startTime.getTime(), events: parent + shards };
}

/** The time that the service took for each prompt, in all its jobs together, in the order of the prompts. */
export function jobTimesOf(prompts: readonly string[], jobs: readonly JobListing[]): readonly number[] {
  const times = new Map<string, number>();
  for (const { promptSha256, createdAt, finishedAt } of jobs) {
    times.set(promptSha256, (times.get(promptSha256) ?? 0) + finishedAt - createdAt);
  }
  return prompts.map((prompt) => {
    const time = times.get(createHash('sha256').update(prompt).digest('hex'));
    if (time === undefined) throw new Error(`The sandbox has no job for "${prompt}".`);
    return time;
  });
}
