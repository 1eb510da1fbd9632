import type { BatchId } from '../../domain/rows/ids.js';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import type { RunRef } from '../../storage/layout.js';

/** The workflow id of a batch: one function, used everywhere. */
export function batchWorkflowId(batchId: BatchId): string {
  return `batch:${batchId}`;
}

/** The workflow id of one of a run's shards. */
export function shardWorkflowId(run: Pick<RunRef, 'batchId' | 'runSeq'>, shard: number): string {
  return `${batchWorkflowId(run.batchId)}/${run.runSeq}/${shard}`;
}

/** The id of the activity that awaits a generation's job; webhooks find the activity by it. */
export function awaitActivityId(row: number, generation: number): string {
  return `await:${row}:${generation}`;
}

/** The task queues, derived from the one that a deployment configures. */
export function taskQueues(base: string): {
  readonly main: string;
  readonly create: string;
  readonly await: string;
  readonly store: string;
} {
  return { main: base, create: `${base}-create`, await: `${base}-await`, store: `${base}-store` };
}

/** The id of the activity that probes a scope. */
export function probeActivityId(scope: string): string {
  return `probe:${scope}`;
}

/** The id of a schedule in Temporal. */
export function scheduleId(name: ScheduleName): string {
  return `schedule:${name}`;
}

/** The prefix of the workflow ids of a schedule's runs; Temporal appends `-` and the nominal time. */
export function firingWorkflowId(name: ScheduleName): string {
  return `firing:${name}`;
}

/** The workflow id of a notice's delivery; a repeated notice has the same one. */
export function noticeWorkflowId(noticeId: string): string {
  return `notice:${noticeId}`;
}
