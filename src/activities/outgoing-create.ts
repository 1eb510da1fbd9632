import { createHash } from 'node:crypto';
import type { CreateGenerationRequest } from '../bananahub/client.js';
import { isUploaded } from '../domain/input-image.js';
import type { ShardRow } from '../domain/row.js';
import { forgetSentCreate, noteSentCreate, readSentCreate, type SentCreate } from '../ledger/sent-creates.js';
import { at, inputImageKey, type RunRef } from '../storage/layout.js';
import type { ObjectStore, PresignOptions } from '../storage/object-store.js';
import type { WorkerState } from './dependencies.js';
import { batchFault } from './failure.js';
import type { CallbackRef } from '../webhooks/callback-path.js';
import { keyOf, modeOf } from './generation-key.js';
import { callbackAgain, newCallback, type Callback } from './outgoing-callback.js';

/** A create of one generation. */
export interface CreateToSend {
  readonly run: RunRef;
  readonly row: ShardRow;
  readonly generation: number;
  /** The same generation by its place, for webhooks. */
  readonly place: CallbackRef;
  /** One with this key may have been sent before whose end nobody knows: only the identical body may follow it. */
  readonly isInDoubt: boolean;
  readonly idempotencyHorizonMs: number;
}

export type OutgoingCreate =
  /** `isNoted`: the bucket knows how it is sent. */
  | { readonly kind: 'ready'; readonly request: CreateGenerationRequest; readonly isNoted: boolean }
  /** The body that was sent under the key cannot be made any more, and no other may be sent. */
  | { readonly kind: 'unrepeatable'; readonly sentAtMs: number; readonly message: string };

/** What goes out, or went out, under a key. */
export interface SentRequest {
  readonly idempotencyKey: string;
  readonly outgoing: OutgoingCreate;
}

/** Whether a create of a generation may have been sent before whose end nobody knows. */
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

/** To be called where what was sent has surely made no job: whoever comes next is free to sign afresh. */
export async function forgetRefused(
  { store }: WorkerState,
  run: RunRef,
  sent: SentRequest | undefined,
): Promise<void> {
  if (sent?.outgoing.kind !== 'ready' || !sent.outgoing.isNoted) return;
  await forgetSentCreate(store, run, sent.idempotencyKey);
}

/** The service's clock, and that of the bucket, may be behind ours: a URL that begins in the future is refused. */
const SIGNED_BEFORE_MS = 10 * 60_000;
/** Time for the service to fetch, after the last repeat. */
const FETCHED_WITHIN_MS = 60 * 60_000;
/** Source: AWS Signature Version 4, query parameters. */
const LONGEST_VALID_SECONDS = 7 * 24 * 3600;

/**
 * The body that goes out for a key. What of it changes with time and credentials is signed afresh where nothing can have
 * been sent under the key, and made again exactly as it was where something may have been. Throws `StorageError`, and
 * the batch's fault where the service could not reach the bucket.
 */
export async function outgoingCreate(state: WorkerState, create: CreateToSend): Promise<OutgoingCreate> {
  const { run, row, generation, place, isInDoubt: inDoubt } = create;
  const { store, webhooks } = state;
  const hasUploads = row.inputImages.some(isUploaded);
  if (hasUploads) refuseOutOfReach(state, row);
  const idempotencyKey = keyOf(run, row, generation);
  const sent = inDoubt ? await readSentCreate(store, run, idempotencyKey) : undefined;
  // What may have been sent without being noted had no URL for webhooks.
  const callback = inDoubt ? callbackAgain(webhooks, run, sent?.callback) : newCallback(webhooks, place);
  if (sent && (sent.inputs ?? !hasUploads)) return sentAgain(store, create, sent, callback);
  const now = Date.now();
  const signing = signingAt(now, create.idempotencyHorizonMs);
  const inputImageUrls = await signedUrls(store, create, signing);
  const isNoted = hasUploads || callback?.note !== undefined;
  if (isNoted) {
    await noteSentCreate(store, run, idempotencyKey, {
      format: 1,
      sentAt: new Date(now).toISOString(),
      ...(hasUploads && {
        inputs: {
          signedAt: new Date(signing.signedAtMs).toISOString(),
          validSeconds: signing.validSeconds,
          urlsSha256: sha256Of(inputImageUrls),
        },
      }),
      ...(callback?.note && { callback: callback.note }),
    });
  }
  return { kind: 'ready', request: { ...row, inputImageUrls, ...callback?.part }, isNoted };
}

function signingAt(now: number, idempotencyHorizonMs: number): PresignOptions {
  const wantedMs = SIGNED_BEFORE_MS + idempotencyHorizonMs + FETCHED_WITHIN_MS;
  return {
    signedAtMs: Math.floor((now - SIGNED_BEFORE_MS) / 1000) * 1000,
    validSeconds: Math.min(LONGEST_VALID_SECONDS, Math.ceil(wantedMs / 1000)),
  };
}

async function sentAgain(
  store: ObjectStore,
  create: CreateToSend,
  { sentAt, inputs }: SentCreate,
  callback: Callback | undefined,
): Promise<OutgoingCreate> {
  const unrepeatable = (why: string): OutgoingCreate => ({
    kind: 'unrepeatable',
    sentAtMs: Date.parse(sentAt),
    message: `A create sent at ${sentAt} was never answered, and it cannot be repeated as it was, since ${why}. Another body under its key must not be sent: it could buy the image twice. To make the image all the same, give the row another id.`,
  });
  if (!callback) {
    return unrepeatable("the URL for webhooks, or its secret, is another one than this worker's");
  }
  const { row } = create;
  if (!inputs) {
    const request = { ...row, inputImageUrls: row.inputImages, ...callback.part };
    return { kind: 'ready', request, isNoted: true };
  }
  const { signedAt, validSeconds, urlsSha256 } = inputs;
  const signing = { signedAtMs: Date.parse(signedAt), validSeconds };
  if (Date.now() >= signing.signedAtMs + validSeconds * 1000) {
    return unrepeatable('the addresses of its input images have expired');
  }
  const inputImageUrls = await signedUrls(store, create, signing);
  if (sha256Of(inputImageUrls) !== urlsSha256) {
    return unrepeatable(
      "the addresses of its input images were signed with other credentials than this worker's, or for another endpoint of the bucket",
    );
  }
  return { kind: 'ready', request: { ...row, inputImageUrls, ...callback.part }, isNoted: true };
}

async function signedUrls(
  store: ObjectStore,
  { run, row }: CreateToSend,
  signing: PresignOptions,
): Promise<readonly string[]> {
  return Promise.all(
    row.inputImages.map((image) =>
      isUploaded(image) ? store.presignGet(at(run, inputImageKey(run, image)), signing) : image,
    ),
  );
}

function sha256Of(urls: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(urls)).digest('hex');
}

/** Holds the rows that the service could not make, rather than to let each fail. */
function refuseOutOfReach({ inputsOutOfReach }: WorkerState, row: ShardRow): void {
  if (inputsOutOfReach === undefined) return;
  throw batchFault({
    cause: { scope: `model:${modeOf(row)}`, code: 'bucket-out-of-reach', message: inputsOutOfReach },
  });
}
