import type { RunRef } from '../../storage/layout.js';
import { awaitActivityId, shardWorkflowId } from '../../workflows/protocol/names.js';
import { AwaitedJobs } from '../../webhooks/awaited-jobs.js';
import { callbackPath, type CallbackRef } from './callback-path.js';
import type { WebhookConfig } from './webhook-config.js';
import { WebhookTrust } from '../../webhooks/webhook-trust.js';

/** What the activities of a worker have of webhooks, where they are configured. */
export interface WorkerWebhooks {
  /**
   * Where the service is to tell the end of a generation, and where it was to tell it while earlier secrets were in use:
   * secrets themselves, never to be stored or logged.
   */
  readonly callbackUrlsOf: (ref: CallbackRef) => readonly [string, ...string[]];
  readonly awaited: AwaitedJobs;
  readonly trust: WebhookTrust;
}

export function workerWebhooks({ url, secrets }: WebhookConfig): WorkerWebhooks {
  const [first, ...earlier] = secrets;
  return {
    callbackUrlsOf: (ref) => [
      url + callbackPath(ref, first),
      ...earlier.map((secret) => url + callbackPath(ref, secret)),
    ],
    awaited: new AwaitedJobs(),
    trust: new WebhookTrust(),
  };
}

/** The generation that a workflow's activity is about. */
export function callbackRefOf(input: {
  readonly run: Pick<RunRef, 'batchId' | 'runSeq'>;
  readonly shard: number;
  readonly row: number;
  readonly generation: number;
}): CallbackRef {
  const { run, shard, row, generation } = input;
  return { batchId: run.batchId, runSeq: run.runSeq, shard, row, generation };
}

/** The activity in which a generation's job is awaited, as Temporal knows it. */
export function awaitingActivity(ref: CallbackRef): {
  readonly workflowId: string;
  readonly activityId: string;
} {
  return {
    workflowId: shardWorkflowId(ref, ref.shard),
    activityId: awaitActivityId(ref.row, ref.generation),
  };
}

/** The same as one word. */
export function awaitName(ref: CallbackRef): string {
  const { workflowId, activityId } = awaitingActivity(ref);
  return `${workflowId} ${activityId}`;
}
