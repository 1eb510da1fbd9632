import { createHash } from 'node:crypto';
import type { CreateGenerationRequest } from '../../bananahub/client.js';
import { idempotencyKeyOfBody, idempotencyKey } from './idempotency-key.js';
import { isUploaded } from '../../domain/rows/input-image.js';
import type { ShardRow, PromptRow } from '../../domain/rows/row.js';
import {
  forgetSentCreate,
  noteSentCreate,
  readSentCreate,
  type SentCreate,
} from '../../ledger/sent-creates.js';
import { at, inputImageKey, type RunRef } from '../../storage/layout.js';
import type { ObjectStore, PresignOptions } from '../../storage/object-store.js';
import type { WorkerState } from '../worker/dependencies.js';
import { batchFault } from '../hold-causes.js';
import type { CallbackRef } from '../../bananahub/webhooks/callback-path.js';
import type { ModelMode } from '../../domain/batch/holds.js';
import { modeWith } from '../../domain/rows/generation-settings.js';
import { callbackAgain, newCallback, NO_CALLBACK } from './outgoing-callback.js';

/** A create of one generation. */
export interface CreateToSend {
  readonly run: RunRef;
  readonly row: ShardRow;
  readonly generation: number;
  /** The same by indexes, for webhooks. */
  readonly place: CallbackRef;
  /** An earlier create of this generation may have been sent without a known result: only an identical one may follow. */
  readonly isInDoubt: boolean;
  readonly idempotencyHorizonMs: number;
}

export type OutgoingCreate =
  | {
      readonly kind: 'ready';
      readonly request: CreateGenerationRequest;
      readonly idempotencyKey: string;
      /**
       * The key under which this call noted how the create is sent. Undefined if the row determines everything, or if
       * it repeats an earlier note: the writer of that note may have bought with it.
       */
      readonly notedAs: string | undefined;
    }
  /** The body that was sent cannot be made again, and no other may follow it. */
  | { readonly kind: 'unrepeatable'; readonly sentAtMs: number; readonly message: string };

/** Whether an earlier create of a generation may have been sent without a known result. */
export function isInDoubt(
  {
    generation,
    unansweredSinceMs,
  }: { readonly generation: number; readonly unansweredSinceMs?: number | undefined },
  { earlier = [] }: Pick<ShardRow, 'earlier'>,
): boolean {
  return (
    unansweredSinceMs !== undefined ||
    earlier.some((record) => record.generation === generation && record.end === 'unanswered')
  );
}

/** Call when the sent create has certainly made no job: the next call may then sign again. Deletes only this call's note. */
export async function forgetRefused(
  { store }: WorkerState,
  run: RunRef,
  outgoing: OutgoingCreate | undefined,
): Promise<void> {
  if (outgoing?.kind !== 'ready' || outgoing.notedAs === undefined) return;
  await forgetSentCreate(store, run, outgoing.notedAs);
}

/** Clocks of the service and the bucket may be behind ours: a URL that begins in the future is refused. */
const SIGNED_BEFORE_MS = 10 * 60_000;
/** Time for the service to fetch the images, after the last repeat. */
const FETCHED_WITHIN_MS = 60 * 60_000;
/** Source: AWS Signature Version 4, query parameters. */
const LONGEST_VALID_SECONDS = 7 * 24 * 3600;

/**
 * The request body of a generation, and its key. The URLs of input images change with time, credentials and a new
 * sheet; the URL for webhooks changes with the run and the configuration: so each body with such parts has a key of
 * its own. A note of the body is stored before it is sent. An earlier body is rebuilt exactly if possible, and so
 * finds its job; otherwise a new one is made, unless the result of the old one is in doubt. Throws `StorageError`,
 * and the batch's fault if the service could not reach the bucket.
 */
export async function outgoingCreate(state: WorkerState, create: CreateToSend): Promise<OutgoingCreate> {
  const { store, webhooks } = state;
  const { run, row, generation, place } = create;
  const generationKey = keyOf(run, row, generation);
  const hasInputs = row.inputImages.length > 0;
  const asRowSays: OutgoingCreate = {
    kind: 'ready',
    request: { ...row, inputImageUrls: [] },
    idempotencyKey: generationKey,
    notedAs: undefined,
  };
  if (!hasInputs && !webhooks && !create.isInDoubt) return asRowSays;
  if (hasInputs) refuseOutOfReach(state, row);
  const noted = await readSentCreate(store, run, generationKey);
  if (noted && !noted.sent) {
    return unrepeatable(
      noted.notedAtMs,
      'the record of how it was sent, below sent/ in the bucket, cannot be read',
    );
  }
  if (noted?.sent) {
    const again = await sentAgain(state, create, noted.sent);
    if (again.kind === 'ready' || create.isInDoubt) return again;
  }
  // A create that may have been sent without a note had no URL for webhooks.
  const callback = create.isInDoubt ? NO_CALLBACK : newCallback(webhooks, place);
  if (!hasInputs && !webhooks) return asRowSays;
  const now = Date.now();
  const signing = signingAt(now, create.idempotencyHorizonMs);
  const inputImageUrls = await signedUrls(store, create, signing);
  const urlsSha256 = sha256Of(inputImageUrls);
  const sent: SentCreate = {
    format: 1,
    sentAt: new Date(now).toISOString(),
    ...(hasInputs && {
      inputs: {
        signedAt: new Date(signing.signedAtMs).toISOString(),
        validSeconds: signing.validSeconds,
        urlsSha256,
      },
    }),
    ...(callback.note && { callback: callback.note }),
  };
  const isNoted = await noteSentCreate(store, run, generationKey, { sent, inPlaceOf: noted });
  // Another sender of the same generation, such as a probe or a worker believed dead, was faster and may have bought already.
  if (!isNoted) return outgoingCreate(state, { ...create, isInDoubt: true });
  return readyWith(create, { inputImageUrls, ...callback.part }, generationKey);
}

function readyWith(
  { run, row, generation }: CreateToSend,
  parts: Pick<CreateGenerationRequest, 'inputImageUrls' | 'callbackUrl'>,
  notedAs?: string,
): OutgoingCreate {
  const generationKey = keyOf(run, row, generation);
  const { inputImageUrls, callbackUrl } = parts;
  const changing = callbackUrl === undefined ? inputImageUrls : [...inputImageUrls, callbackUrl];
  const idempotencyKey =
    changing.length > 0 ? idempotencyKeyOfBody(generationKey, sha256Of(changing)) : generationKey;
  return { kind: 'ready', request: { ...row, ...parts }, idempotencyKey, notedAs };
}

function signingAt(now: number, idempotencyHorizonMs: number): PresignOptions {
  const wantedMs = SIGNED_BEFORE_MS + idempotencyHorizonMs + FETCHED_WITHIN_MS;
  return {
    signedAtMs: Math.floor((now - SIGNED_BEFORE_MS) / 1000) * 1000,
    validSeconds: Math.min(LONGEST_VALID_SECONDS, Math.ceil(wantedMs / 1000)),
  };
}

async function sentAgain(
  { store, webhooks }: Pick<WorkerState, 'store' | 'webhooks'>,
  create: CreateToSend,
  { sentAt, inputs, callback: noted }: SentCreate,
): Promise<OutgoingCreate> {
  const sentAtMs = Date.parse(sentAt);
  const callback = callbackAgain(webhooks, create.run, noted);
  if (!callback) return unrepeatable(sentAtMs, "the webhook URL or secret differs from this worker's");
  if (!inputs) return readyWith(create, { inputImageUrls: [], ...callback.part });
  const { signedAt, validSeconds, urlsSha256 } = inputs;
  const signing = { signedAtMs: Date.parse(signedAt), validSeconds };
  const isExpired = Date.now() >= signing.signedAtMs + validSeconds * 1000;
  if (isExpired && create.row.inputImages.some(isUploaded)) {
    return unrepeatable(sentAtMs, 'the addresses of its input images have expired');
  }
  const inputImageUrls = await signedUrls(store, create, signing);
  if (sha256Of(inputImageUrls) !== urlsSha256) {
    return unrepeatable(
      sentAtMs,
      'the addresses of its input images have changed: this worker signs with other credentials or for another endpoint of the bucket, or the sheet now has newly signed URLs',
    );
  }
  return readyWith(create, { inputImageUrls, ...callback.part });
}

function unrepeatable(sentAtMs: number, why: string): OutgoingCreate {
  const sentAt = new Date(sentAtMs).toISOString();
  return {
    kind: 'unrepeatable',
    sentAtMs,
    message: `A create sent at ${sentAt} was never answered, and it cannot be repeated unchanged, because ${why}. A different one could buy the image twice. To make the image anyway, give the row another id.`,
  };
}

async function signedUrls(
  store: ObjectStore,
  { run, row }: CreateToSend,
  signing: PresignOptions,
): Promise<readonly string[]> {
  return Promise.all(
    row.inputImages.map(async (image) =>
      isUploaded(image) ? store.presignGet(at(run, inputImageKey(run, image)), signing) : image,
    ),
  );
}

function sha256Of(urls: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(urls)).digest('hex');
}

/** Holds the rows that the service cannot make, instead of letting each fail. */
function refuseOutOfReach({ inputsOutOfReach }: WorkerState, row: ShardRow): void {
  if (inputsOutOfReach === undefined || !row.inputImages.some(isUploaded)) return;
  throw batchFault({
    cause: { scope: `model:${modeOf(row)}`, code: 'bucket-out-of-reach', message: inputsOutOfReach },
  });
}

/** The model and mode on whose permission and availability a row depends. */
export function modeOf({ model, inputImages }: Pick<ShardRow, 'model' | 'inputImages'>): ModelMode {
  return `${model}:${modeWith(inputImages)}`;
}

/** The idempotency key of one generation of a row: the one place that computes the keys of creates. */
function keyOf(run: RunRef, row: PromptRow, generation: number): string {
  const { rowId, contentHash } = row;
  return idempotencyKey({ batchId: run.batchId, rowId, contentHash, generation });
}
