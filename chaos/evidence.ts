import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { positionQuery } from '../src/workflows/protocol/batch-messages.js';
import { batchWorkflowId } from '../src/workflows/protocol/names.js';
import type { Arena } from './arena.js';
import type { ChaosBatch } from './chaos-batches.js';

/** Keeps whatever may explain why batches are incorrect after the servers have stopped; returns the folder. */
export async function keepEvidence(arena: Arena, unsound: readonly ChaosBatch[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), `banana-batch-chaos-${arena.plan.options.seed}-`));
  const { s3 } = arena.engine.stack;
  await writeFile(path.join(folder, 'workers.log'), arena.workers.logs.join('\n----\n'));
  await writeFile(path.join(folder, 'jobs.json'), JSON.stringify(arena.engine.sandbox.jobs(), undefined, 1));
  for (const { batchId } of unsound) {
    const ofBatch = path.join(folder, batchId);
    await mkdir(ofBatch);
    await cp(path.join(s3.folder, s3.bucket, batchId), path.join(ofBatch, 'bucket'), {
      recursive: true,
    }).catch(() => undefined);
    await keepHistories(arena, batchWorkflowId(batchId), ofBatch);
  }
  return folder;
}

/** The histories of all workflow runs of a batch and its shards. */
async function keepHistories({ engine }: Arena, workflowId: string, folder: string): Promise<void> {
  const { client } = engine.stack.temporal;
  const query = `WorkflowId STARTS_WITH "${workflowId}"`;
  for await (const execution of client.workflow.list({ query })) {
    const handle = client.workflow.getHandle(execution.workflowId, execution.runId);
    const name = `${execution.workflowId}-${execution.startTime.toISOString()}-${execution.status.name}`;
    const file = path.join(folder, `${name.replaceAll(/[^A-Za-z0-9.-]/g, '_')}.json`);
    await writeFile(file, JSON.stringify(await handle.fetchHistory(), undefined, 1));
    if (execution.status.name !== 'RUNNING') continue;
    const known = await handle.query(positionQuery).catch(String);
    const { raw } = await handle.describe();
    const { pendingActivities, pendingChildren, pendingWorkflowTask } = raw;
    const pending = { known, pendingActivities, pendingChildren, pendingWorkflowTask };
    await writeFile(file.replace(/json$/, 'pending.json'), JSON.stringify(pending, undefined, 1));
  }
}
