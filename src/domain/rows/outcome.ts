import type { FailureKind } from './failure-kind.js';
import type { ContentHash, JobId, RowId } from './ids.js';
import type { FailureMessage } from '../text/failure-message.js';

/** Whether a generation cost money, as far as the API contract says. */
export type Charged = 'yes' | 'no' | 'unknown';

/** How one generation ended; `open`: its end was not seen, or its image was not stored and the row kept an earlier one. */
export type GenerationEnd = 'done' | 'failed' | 'gone' | 'unfinished' | 'invalid' | 'unanswered' | 'open';

/** One generation of a row: the audit record of what was bought. */
export interface GenerationRecord {
  readonly generation: number;
  readonly jobId?: JobId;
  readonly end: GenerationEnd;
  readonly charged: Charged;
  /** For `unanswered`: the earliest time at which an unanswered create of it was sent. Milliseconds since the epoch. */
  readonly unansweredSinceMs?: number;
  /** For `open` and `unanswered`: since when its run, which ended unrecorded, may have made this and later generations. Milliseconds since the epoch. */
  readonly openedSinceMs?: number;
  /** Why it gave no image: in the history our own sentence, in the bucket with at most 300 characters of the service's text. */
  readonly message?: string;
  /** Only in the history: the id of the service's text (see `FailureMessage`). */
  readonly textId?: string;
}

export type ImageType = 'png' | 'jpg' | 'webp';

/** `too-large`: decoding needs more memory than a worker allows. `undecodable`: the decoder refuses it. */
export const NO_THUMBNAIL = ['too-large', 'undecodable'] as const;
export type NoThumbnail = (typeof NO_THUMBNAIL)[number];

/** Facts measured from the image's bytes. */
export interface ImageFacts {
  readonly type: ImageType;
  readonly width: number;
  readonly height: number;
  readonly sizeBytes: number;
  /** Lower-case hex of the stored bytes. */
  readonly sha256: string;
  /** It has a thumbnail. */
  readonly thumbnail?: true;
  /** Why a requested thumbnail is missing. */
  readonly noThumbnail?: NoThumbnail;
  /** Its `perceptualHash`, if requested: 16 lower-case hex digits. */
  readonly perceptualHash?: string;
}

/** A row with an image. */
export interface StoredEnd {
  readonly kind: 'stored';
  readonly image: ImageFacts;
  readonly adopted: boolean;
}

/** How a row ended, without its identity. */
export type RowEnd =
  | StoredEnd
  | { readonly kind: 'failed'; readonly failure: FailureKind; readonly message: string }
  | { readonly kind: 'cancelled' };

/** How a row ended, as reported by its shard: `kept` got no new image and keeps its earlier one. `textId` is the id of the service's text. */
export type SettledEnd =
  | Exclude<RowEnd, { readonly kind: 'failed' }>
  | (Extract<RowEnd, { readonly kind: 'failed' }> & Pick<FailureMessage, 'textId'>)
  | { readonly kind: 'kept' };

/** The end of one row by its index in the shard: the form used in the workflow history. */
export interface SettledRow {
  readonly row: number;
  readonly end: SettledEnd;
  readonly generations: readonly GenerationRecord[];
  /** Milliseconds since the epoch, the workflow's clock. */
  readonly settledAtMs: number;
}

/**
 * The step of an ended row's last generation: `pending` nothing was ever sent for it, `create` a request was sent and
 * no job is known, `await` its job was awaited and not seen done, `store` its job was done and its image not stored,
 * `stored` its image is in the bucket.
 */
export const PHASES_REACHED = ['pending', 'create', 'await', 'store', 'stored'] as const;
export type PhaseReached = (typeof PHASES_REACHED)[number];

/** The end of one row as written to the bucket: a line of a part and of `outcomes.jsonl`. */
export interface RowOutcome {
  readonly position: number;
  readonly rowId: RowId;
  readonly contentHash: ContentHash;
  readonly runSeq: number;
  readonly generations: readonly GenerationRecord[];
  readonly end: RowEnd;
  /** How far the row came; absent in lines of earlier versions, for which `phaseReached` derives it. */
  readonly phase?: PhaseReached;
  /** For stored rows: key of the image below the batch's root. */
  readonly imageKey?: string;
  /** ISO 8601. */
  readonly settledAt: string;
}

/** The phase that a row reached, derived from its outcome if that has no phase. */
export function phaseReached({ end, generations }: Pick<RowOutcome, 'end' | 'generations'>): PhaseReached {
  if (end.kind === 'stored') return 'stored';
  const last = generations.at(-1);
  return last ? phaseOfGeneration(last) : 'pending';
}

function phaseOfGeneration({ end, charged }: GenerationRecord): PhaseReached {
  switch (end) {
    case 'invalid':
    case 'unanswered':
      return 'create';
    case 'failed':
    case 'unfinished':
    case 'open':
      return 'await';
    case 'gone':
      // Only a job that was seen done is known to be charged.
      return charged === 'yes' ? 'store' : 'await';
    case 'done':
      return 'store';
  }
}
