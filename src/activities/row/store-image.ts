import { Context } from '@temporalio/activity';
import { z } from 'zod';
import type { DownloadedImage } from '../../bananahub/images/image-download.js';
import { ImageDownloadError } from '../../bananahub/images/image-download-error.js';
import { FRESH_BUDGET, type RetryBudget } from '../../domain/batch/fault-budget.js';
import {
  isImageOf,
  rowTagOf,
  fromStoredIdentity,
  toStoredIdentity,
} from '../../domain/images/stored-identity.js';
import { LOOKS_BEFORE_ASIDE } from '../../domain/rows/missing-job.js';
import type { ImageFacts, ImageType } from '../../domain/rows/outcome.js';
import type { ShardRow } from '../../domain/rows/row.js';
import type { ImageToStore } from '../worker/images/thumbnails.js';
import { inspectImage } from '../../domain/images/bytes/inspect.js';
import { at, imageKey } from '../../storage/layout.js';
import {
  StorageError,
  type ObjectHead,
  type ObjectRef,
  type PutCondition,
} from '../../storage/object-store.js';
import { cancellationSignal, pause, startTemporalClock, withHeartbeat } from '../worker/activity-context.js';
import { RequestedWait } from './requested-wait.js';
import type { WorkerState } from '../worker/dependencies.js';
import { retryOrHold, countedTryMs } from '../retry-or-hold.js';
import { batchFault, meaningOf } from '../hold-causes.js';
import { type JobCheck, JobChecks, LeftMissing, missingOf } from './job-checks.js';
import { ownMessage } from '../own-message.js';
import { withStorageRetries } from '../worker/storage-fault.js';
import type { Activities, StoreImageInput, StoreImageResult } from '../../workflows/protocol/activities.js';

const CONTENT_TYPES: Readonly<Record<ImageType, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  webp: 'image/webp',
};

/**
 * Copies a done job's image, complete and checked, to its final place. Replaces an image of other content, or one
 * that the row is to lose; the row's own image is kept.
 */
export function storeImageActivity(state: WorkerState): Activities['storeImage'] {
  return (input) => {
    const clock = startTemporalClock();
    const asked = new RequestedWait(clock);
    const before = Progress.safeParse(Context.current().info.heartbeatDetails).data ?? input;
    const looks = new JobChecks(state, input.jobId, clock, before.missing);
    const progress = () => ({ ...missingOf(looks), ...asked.details });
    return withHeartbeat(async () => {
      const row = await withStorageRetries(state, async () => {
        await state.runAccounts.check(input.run, [input.jobId]);
        return state.shardRows.row(input);
      });
      return copyUntilStored(state, input, row, { asked, looks, progress });
    }, progress);
  };
}

/** State that an attempt leaves for the next. */
const Progress = z.object({ missing: LeftMissing.exactOptional() });

const MISSING_DELAY_MS = 1_000;

/** A fault of this one image although the service works: request a fresh URL. `text`: from the service. */
class ImageFault extends Error {
  readonly text: string | undefined;

  constructor(message: string, text?: string) {
    super(message);
    this.text = text;
  }
}

/** Why an image was not available: as our own message, and in detail for the bucket. */
function goneOf(error: ImageFault | ImageDownloadError): {
  readonly message: string;
  readonly text: string | undefined;
} {
  if (error instanceof ImageFault) return error;
  return {
    message: `The image of the finished job could not be downloaded (${ownMessage(error)}).`,
    text: error.message,
  };
}

async function copyUntilStored(
  state: WorkerState,
  input: StoreImageInput,
  row: ShardRow,
  {
    asked,
    looks,
    progress,
  }: { readonly asked: RequestedWait; readonly looks: JobChecks; readonly progress: () => unknown },
): Promise<StoreImageResult> {
  const { limits } = state;
  let budget: RetryBudget = FRESH_BUDGET;
  let imageFaults: RetryBudget = FRESH_BUDGET;
  for (;;) {
    await asked.over();
    const imageUrl = state.imageUrls.take(input.jobId);
    if (imageUrl === undefined) await looks.turn();
    const triedAtMs = Date.now();
    try {
      const job = imageUrl === undefined ? await looks.look() : ({ kind: 'done', imageUrl } as const);
      const result = await copyOnce(state, input, row, job);
      if (result.kind !== 'missing' || result.missing.looks >= LOOKS_BEFORE_ASIDE) return result;
      await pause(MISSING_DELAY_MS);
    } catch (error) {
      const tryMs = countedTryMs(Date.now() - triedAtMs);
      const meaning = meaningOf(error);
      if (error instanceof ImageFault || (error instanceof ImageDownloadError && !meaning)) {
        if (imageFaults.spentMs + tryMs >= limits.imageFaultMs) {
          const { message, text } = goneOf(error);
          return { kind: 'result-gone', message, ...(await state.serviceTexts.keep(input.run, text)) };
        }
        const delayMs =
          Math.min(30_000, 500 * 2 ** Math.min(imageFaults.tries, 10)) * (0.5 + Math.random() / 2);
        imageFaults = { spentMs: imageFaults.spentMs + tryMs + delayMs, tries: imageFaults.tries + 1 };
        await pause(delayMs);
        continue;
      }
      switch (meaning?.kind) {
        case 'hold':
          throw batchFault({ cause: meaning.cause, ...missingOf(looks) }, meaning.text);
        case 'passing': {
          const next = retryOrHold(meaning, {
            budget,
            tryMs,
            limits,
            rowLimitMs: limits.imageFaultMs,
            isDoubted: input.isDoubted === true,
            ...missingOf(looks),
          });
          budget = next.budget;
          asked.note(meaning.cause.retryAfterMs);
          Context.current().heartbeat(progress());
          await pause(next.delayMs);
          break;
        }
        case 'gone':
        case 'invalid':
        case undefined:
          throw error;
      }
    }
  }
}

async function copyOnce(
  state: WorkerState,
  input: StoreImageInput,
  row: ShardRow,
  job: JobCheck,
): Promise<StoreImageResult> {
  if (job.kind === 'missing') return job;
  if (job.kind === 'failed') throw new ImageFault('The job was done and then failed.', job.message);
  if (job.kind === 'unfinished') throw new ImageFault('The job is done but has no image URL.');
  return copyImage(state, input, row, { imageUrl: job.imageUrl, signal: cancellationSignal() });
}

/** Copies a job's image from a URL to its final place. Throws what prevents that. */
export async function copyImage(
  state: WorkerState,
  input: StoreImageInput,
  row: ShardRow,
  { imageUrl, signal }: { readonly imageUrl: string; readonly signal: AbortSignal },
): Promise<StoreImageResult> {
  return state.copyTimes.measure(async () => {
    const downloaded = await state.downloadImage(imageUrl, signal);
    try {
      // Before the image, so that every stored image has its thumbnail.
      const { body } = downloaded;
      const image = await state.thumbnails.add(
        input.run,
        { image: await factsOf(downloaded), body, signal },
        input,
      );
      return await putImage(state, input, row, { image, body, signal });
    } finally {
      downloaded.release();
    }
  });
}

async function factsOf({ body, sha256 }: DownloadedImage): Promise<ImageFacts> {
  const inspection = await inspectImage(body);
  switch (inspection.kind) {
    case 'image': {
      const { type, width, height } = inspection;
      return { type, width, height, sizeBytes: body.length, sha256 };
    }
    case 'not-an-image':
    case 'incomplete':
      throw new ImageFault('The image host sent an incomplete or unusable image.', `${inspection.reason}.`);
  }
}

async function putImage(
  state: WorkerState,
  input: StoreImageInput,
  row: ShardRow,
  { image, body, signal }: ImageToStore,
): Promise<StoreImageResult> {
  const { run, generation, jobId } = input;
  const { contentHash, rowId, imageName } = row;
  const ref = at(run, imageKey(run, imageName, image.type));
  const identity = { contentHash, rowTag: rowTagOf(rowId), runSeq: run.runSeq, generation, jobId, image };
  const put = async (condition: PutCondition): Promise<StoreImageResult> => {
    await state.store.put(ref, body, {
      contentType: CONTENT_TYPES[image.type],
      metadata: toStoredIdentity(identity),
      sha256: image.sha256,
      condition,
      signal,
    });
    state.successes.note('image');
    return { kind: 'stored', image, adopted: false };
  };
  try {
    return await put({ kind: 'absent' });
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'precondition-failed') throw error;
  }
  const existing = await existingObject(state, ref, signal);
  const stored = fromStoredIdentity(existing.metadata);
  if (stored && isImageOf(stored, row, imageName)) {
    // Until now the place has the old image of a row that is made again.
    const isOwn = !row.keptImage || stored.generation >= generation;
    if (isOwn) return { kind: 'stored', image: stored.image, adopted: stored.jobId !== jobId };
  } else if (stored && stored.runSeq > run.runSeq) return { kind: 'superseded' };
  return put({ kind: 'unchanged', etag: existing.etag });
}

async function existingObject(state: WorkerState, ref: ObjectRef, signal: AbortSignal): Promise<ObjectHead> {
  const head = await state.store.head(ref, signal);
  // Deleted in between: the next attempt stores it again.
  if (!head)
    throw new StorageError('unavailable', ref, `${ref.bucket}/${ref.key} changed while it was being read.`);
  return head;
}
