import { createHash } from 'node:crypto';
import type { CreateGenerationRequest } from '../../bananahub/client.js';
import type { SentCreate } from '../../ledger/sent-creates.js';
import type { RunRef } from '../../storage/layout.js';
import type { CallbackRef } from '../../bananahub/webhooks/callback-path.js';
import type { WorkerWebhooks } from '../../bananahub/webhooks/worker-webhooks.js';

type CallbackNote = NonNullable<SentCreate['callback']>;

/** What webhooks add to a create: a part of its body, and a note of that. Both are empty if webhooks are not configured. */
export interface Callback {
  readonly part: Pick<CreateGenerationRequest, 'callbackUrl'>;
  readonly note?: CallbackNote;
}

export const NO_CALLBACK: Callback = { part: {} };

/** For the first create of a generation. */
export function newCallback(webhooks: WorkerWebhooks | undefined, ref: CallbackRef): Callback {
  if (!webhooks) return NO_CALLBACK;
  const [callbackUrl] = webhooks.callbackUrlsOf(ref);
  const { runSeq: run, shard, row, generation } = ref;
  return { part: { callbackUrl }, note: { run, shard, row, generation, urlSha256: sha256Of(callbackUrl) } };
}

/** The exact callback of an earlier create; undefined if it cannot be made again. */
export function callbackAgain(
  webhooks: WorkerWebhooks | undefined,
  { batchId }: Pick<RunRef, 'batchId'>,
  note: CallbackNote | undefined,
): Callback | undefined {
  if (!note) return NO_CALLBACK;
  const { run: runSeq, shard, row, generation, urlSha256 } = note;
  const urls = webhooks?.callbackUrlsOf({ batchId, runSeq, shard, row, generation }) ?? [];
  const callbackUrl = urls.find((url) => sha256Of(url) === urlSha256);
  return callbackUrl === undefined ? undefined : { part: { callbackUrl }, note };
}

function sha256Of(url: string): string {
  return createHash('sha256').update(url).digest('hex');
}
