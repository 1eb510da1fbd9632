import type { FailureKind } from './failure-kind.js';
import type { ContentHash, JobId, RowId } from './ids.js';
import type { Told } from '../text/kept-text.js';

/** Whether a generation cost money, as far as the contract lets us know. */
export type Charged = 'yes' | 'no' | 'unknown';

/** How one generation ended; `open` is a job whose end was not seen. */
export type GenerationEnd = 'done' | 'failed' | 'gone' | 'unfinished' | 'invalid' | 'unanswered' | 'open';

/** One generation of a row: the audit trail of what was bought. */
export interface GenerationRecord {
  readonly generation: number;
  readonly jobId?: JobId;
  readonly end: GenerationEnd;
  readonly charged: Charged;
  /** Of an `unanswered` one: when a create of it was sent first whose answer never came, at the earliest. Milliseconds since the epoch. */
  readonly unansweredSinceMs?: number;
  /**
   * Of an `open` or `unanswered` one: its run was ended unrecorded, and may since then have made this and later
   * generations. Milliseconds since the epoch.
   */
  readonly openedSinceMs?: number;
  /** Why it gave no image: in history our own sentence, in the bucket with what the service said, at most 300 characters of it. */
  readonly message?: string;
  /** In history only: where what the service said lies (`Told`). */
  readonly textId?: string;
}

export type ImageType = 'png' | 'jpg' | 'webp';

/** `too-large`: decoding it takes more memory than a worker has for it. `undecodable`: the decoder refuses it. */
export const NO_THUMBNAIL = ['too-large', 'undecodable'] as const;
export type NoThumbnail = (typeof NO_THUMBNAIL)[number];

/** What was measured on the image's own bytes. */
export interface ImageFacts {
  readonly type: ImageType;
  readonly width: number;
  readonly height: number;
  readonly sizeBytes: number;
  /** Lower-case hex over the stored bytes. */
  readonly sha256: string;
  /** A small copy of it lies among the thumbnails. */
  readonly thumbnail?: true;
  /** Why it has none although one was wanted. */
  readonly noThumbnail?: NoThumbnail;
  /** What it looks like, by `perceptualHash`, where that was asked for: 16 lower-case hex digits. */
  readonly perceptualHash?: string;
}

/** A row with an image. */
export interface StoredEnd {
  readonly kind: 'stored';
  readonly image: ImageFacts;
  readonly adopted: boolean;
}

/** How a row ended, apart from which row it was. */
export type RowEnd =
  | StoredEnd
  | { readonly kind: 'failed'; readonly failure: FailureKind; readonly message: string }
  | { readonly kind: 'cancelled' };

/**
 * How a row ended by its shard's word: `kept` is one that got no new image and keeps the one it had. `textId` is where
 * what the service said lies.
 */
export type SettledEnd =
  | Exclude<RowEnd, { readonly kind: 'failed' }>
  | (Extract<RowEnd, { readonly kind: 'failed' }> & Pick<Told, 'textId'>)
  | { readonly kind: 'kept' };

/** The end of one row by its index in the shard: the form that workflow history carries. */
export interface SettledRow {
  readonly row: number;
  readonly end: SettledEnd;
  readonly generations: readonly GenerationRecord[];
  /** Milliseconds since the epoch, the workflow's clock. */
  readonly settledAtMs: number;
}

/**
 * How far a row that has ended had come, by the step of its last generation: `pending` nothing was ever sent for it,
 * `create` a request was sent and no job is known, `await` its job was awaited and not seen done, `store` its job was
 * done and its image not stored, `stored` its image is in the bucket.
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
  /** How far the row came; absent in lines of earlier versions, where `phaseReached` tells it all the same. */
  readonly phase?: PhaseReached;
  /** Key of the image below the batch's root, for stored rows. */
  readonly imageKey?: string;
  /** ISO 8601. */
  readonly settledAt: string;
}

/** The phase that a row reached, by what its outcome says: also of outcomes that were written without one. */
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
