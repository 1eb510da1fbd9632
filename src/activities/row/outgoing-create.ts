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
import { batchFault } from '../failure.js';
import type { CallbackRef } from '../../bananahub/webhooks/callback-path.js';
import type { ModelMode } from '../../domain/batch/holds.js';
import { modeWith } from '../../domain/rows/generation-settings.js';
import { callbackAgain, newCallback, NO_CALLBACK } from './outgoing-callback.js';

/** A create of one generation. */
export interface CreateToSend {
  readonly run: RunRef;
  readonly row: ShardRow;
  readonly generation: number;
  /** The same by its indexes, for webhooks. */
  readonly place: CallbackRef;
  /** One of this generation may have been sent before whose end no one knows: only the identical one may follow it. */
  readonly isInDoubt: boolean;
  readonly idempotencyHorizonMs: number;
}

export type OutgoingCreate =
  | {
      readonly kind: 'ready';
      readonly request: CreateGenerationRequest;
      readonly idempotencyKey: string;
      /**
       * The key by which this call has noted how it is sent. Undefined where the row says all, and where it repeats what
       * was noted before: whoever noted that may have bought by it.
       */
      readonly notedAs: string | undefined;
    }
  /** The body that was sent cannot be made any more, and no other may follow it. */
  | { readonly kind: 'unrepeatable'; readonly sentAtMs: number; readonly message: string };

/** Whether a create of a generation may have been sent before whose end no one knows. */
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

/** To be called where what was sent has surely made no job: the next caller is free to sign afresh. Takes away only what this call has noted. */
export async function forgetRefused(
  { store }: WorkerState,
  run: RunRef,
  outgoing: OutgoingCreate | undefined,
): Promise<void> {
  if (outgoing?.kind !== 'ready' || outgoing.notedAs === undefined) return;
  await forgetSentCreate(store, run, outgoing.notedAs);
}

/** The service's clock, and that of the bucket, may be behind ours: a URL that begins in the future is refused. */
const SIGNED_BEFORE_MS = 10 * 60_000;
/** Time for the service to fetch, after the last repeat. */
const FETCHED_WITHIN_MS = 60 * 60_000;
/** Source: AWS Signature Version 4, query parameters. */
const LONGEST_VALID_SECONDS = 7 * 24 * 3600;

/**
 * The body that goes out for a generation, and its key. The URLs of input images change with time and credentials, and
 * with a sheet in which they are signed again; the URL for webhooks with the run and the configuration: so each body with
 * such parts has a key of its own. What was sent for the generation is noted before it goes out. What was sent before is
 * made again exactly as it was where it can be, and so finds its job; where it cannot, a new one is made, unless the fate
 * of the old one is in doubt. Throws `StorageError`, and the batch's fault where the service could not reach the bucket.
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
  // What may have been sent without a note had no URL for webhooks.
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
  // Another sender of the same generation, a probe or a worker that was given up, was faster: it may have bought by now.
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
    message: `A create sent at ${sentAt} was never answered, and it cannot be repeated unchanged, because ${why}. A different one could buy the image twice. To make the image all the same, give the row another id.`,
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

/** Holds the rows that the service could not make, rather than to let each fail. */
function refuseOutOfReach({ inputsOutOfReach }: WorkerState, row: ShardRow): void {
  if (inputsOutOfReach === undefined || !row.inputImages.some(isUploaded)) return;
  throw batchFault({
    cause: { scope: `model:${modeOf(row)}`, code: 'bucket-out-of-reach', message: inputsOutOfReach },
  });
}

/** The model and mode whose permission and availability a row depends on. */
export function modeOf({ model, inputImages }: Pick<ShardRow, 'model' | 'inputImages'>): ModelMode {
  return `${model}:${modeWith(inputImages)}`;
}

/** The idempotency key of one generation of a row: the one place where creates get theirs. */
function keyOf(run: RunRef, row: PromptRow, generation: number): string {
  const { rowId, contentHash } = row;
  return idempotencyKey({ batchId: run.batchId, rowId, contentHash, generation });
}
