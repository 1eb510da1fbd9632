import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { batchWorkflowId, shardWorkflowId } from '../src/workflows/protocol/names.js';
import type { Arena, EndFault } from './arena.js';
import { callCommand } from './call-command.js';
import { lastLine, type ChaosBatch } from './chaos-batches.js';

const AGAIN_MS = 1_000;
const NOTHING_TO_END: EndFault = () => undefined;

/** Pauses a batch; ending the fault resumes it. */
export async function pauseBatch(arena: Arena, share: number): Promise<EndFault | undefined> {
  const batch = runningBatch(arena, share);
  if (!batch || !(await isApplied(arena, batch, ['pause']))) return undefined;
  return async () => {
    // A batch must not stay paused: unreachable services come back.
    while (batch.status === 'RUNNING' && !(await isApplied(arena, batch, ['resume']))) await delay(AGAIN_MS);
  };
}

/** Changes the concurrency of a batch to something from 4 to 60. */
export async function changeConcurrency(arena: Arena, share: number): Promise<EndFault | undefined> {
  const batch = runningBatch(arena, share);
  // Not the share that selected the batch.
  const concurrency = 4 + Math.floor(((share * 7) % 1) * 57);
  if (!batch || !(await isApplied(arena, batch, ['set', '--concurrency', String(concurrency)])))
    return undefined;
  return NOTHING_TO_END;
}

export async function terminateShard(arena: Arena, share: number): Promise<EndFault | undefined> {
  const batch = runningBatch(arena, share);
  const shard = batch && shardHandle(arena, batch);
  if (!shard) return undefined;
  await shard.terminate('chaos');
  return NOTHING_TO_END;
}

/** Resets a shard to one of its completed workflow tasks. */
export async function resetShard(arena: Arena, share: number): Promise<EndFault | undefined> {
  const batch = runningBatch(arena, share);
  const shard = batch && shardHandle(arena, batch);
  return shard && resetTo(arena, shard, share);
}

/** Resets a batch to one of its completed workflow tasks. */
export async function resetBatch(arena: Arena, share: number): Promise<EndFault | undefined> {
  const batch = runningBatch(arena, share);
  return batch && resetTo(arena, handleOf(arena, batchWorkflowId(batch.batchId)), share);
}

/** Cancels a batch with Temporal's own command; it is retried or submitted again once it has ended. */
export async function cancelBatch(arena: Arena, share: number): Promise<EndFault | undefined> {
  const batch = runningBatch(arena, share);
  if (!batch) return undefined;
  await handleOf(arena, batchWorkflowId(batch.batchId)).cancel();
  arena.batches.continueBatch(batch, wayOn(share));
  return NOTHING_TO_END;
}

/** Terminates a batch; it is retried or submitted again. */
export async function terminateBatch(arena: Arena, share: number): Promise<EndFault | undefined> {
  const batch = runningBatch(arena, share);
  if (!batch) return undefined;
  await handleOf(arena, batchWorkflowId(batch.batchId)).terminate('chaos');
  arena.batches.continueBatch(batch, wayOn(share));
  return NOTHING_TO_END;
}

function wayOn(share: number): 'retry' | 'submit' {
  return (share * 11) % 1 < 0.5 ? 'retry' : 'submit';
}

function runningBatch({ batches }: Arena, share: number): ChaosBatch | undefined {
  const { running } = batches;
  return running[Math.floor(share * running.length)];
}

function handleOf({ engine }: Arena, workflowId: string): WorkflowHandle {
  return engine.stack.temporal.client.workflow.getHandle(workflowId);
}

function shardHandle(arena: Arena, { snapshot }: ChaosBatch): WorkflowHandle | undefined {
  const [open] = snapshot?.openShards ?? [];
  return snapshot && open && handleOf(arena, shardWorkflowId(snapshot.run, open.shard));
}

/** Whether a control command has succeeded. */
async function isApplied(
  { engine, say }: Arena,
  { batchId }: ChaosBatch,
  [command = '', ...options]: readonly string[],
): Promise<boolean> {
  const { code, stderr } = await callCommand(engine, [command, batchId, ...options]);
  if (code !== 0) say(`${command} ${batchId}: exit code ${String(code)}: ${lastLine(stderr)}`);
  return code === 0;
}

/** Resets a workflow to one of its completed workflow tasks. */
async function resetTo(
  { engine }: Arena,
  handle: WorkflowHandle,
  share: number,
): Promise<EndFault | undefined> {
  const { client } = engine.stack.temporal;
  const { runId } = await handle.describe();
  const { events } = await client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
  const tasks = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
  // Not the share that selected the batch.
  const task = tasks[Math.floor(((share * 13) % 1) * tasks.length)];
  if (!task?.eventId) return undefined;
  await client.workflowService.resetWorkflowExecution({
    namespace: engine.stack.temporal.namespace,
    workflowExecution: { workflowId: handle.workflowId, runId },
    reason: 'chaos',
    workflowTaskFinishEventId: task.eventId,
    requestId: randomUUID(),
  });
  return NOTHING_TO_END;
}
