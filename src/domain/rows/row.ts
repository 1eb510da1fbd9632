import type { Model, Resolution } from './generation-settings.js';
import type { ContentHash, JobId, RowId } from './ids.js';
import type { JsonValue } from '../text/json.js';
import type { GenerationRecord, StoredEnd } from './outcome.js';
import type { InputColumn } from './reserved-columns.js';

/** One row as checked: what is sent, where its image goes, and what is carried along. Written to `runs/<runSeq>/rows/`. */
export interface PromptRow {
  /** 0-based place among the batch's accepted rows, in sheet order after expansion. */
  readonly position: number;
  /** 1-based line of the sheet on which the record starts. */
  readonly line: number;
  /** The record's row as spreadsheets count, the header being row 1; absent where it is the line. */
  readonly tableRow?: number;
  readonly rowId: RowId;
  readonly contentHash: ContentHash;
  readonly prompt: string;
  readonly model: Model;
  readonly aspectRatio: string;
  /** Always `1K` for NanoBanana, to which it is not sent. */
  readonly resolution: Resolution;
  /** Empty for text-to-image. */
  readonly inputImages: readonly string[];
  /** Name of the image below `images/train/`, without its extension: the chosen one, else `imageNameOf` the id. */
  readonly imageName: string;
  /** Columns that are not ours, as read, by their names in the sheet. */
  readonly labels: Readonly<Record<string, JsonValue>>;
  /** Of labels whose numbers have other digits in the sheet (`1.50`) than JSON gives them: the cells as the sheet writes them. */
  readonly labelTexts?: Readonly<Record<string, string>>;
  /** Absent in ledgers of earlier builds. */
  readonly given?: GivenCells;
}

/**
 * What the sheet's cells in our columns say, exactly as it says it. Columns that the sheet lacks are absent, and so is a
 * prompt that is the row's own.
 */
export type GivenCells = Readonly<Partial<Record<InputColumn, JsonValue>>>;

/** Where a row starts: an earlier run may have bought a job whose end was not seen. */
export interface RowStart {
  /** The generation to make or await first; 1 for a row never tried. */
  readonly generation: number;
  /** A job of that generation that is known already: awaited, not bought again. */
  readonly jobId?: JobId;
  /** When a create of that generation was sent first whose answer never came. Milliseconds since the epoch. */
  readonly unansweredSinceMs?: number;
  /**
   * An earlier run was ended unrecorded after it had opened the row's shard then: it may have made this and later
   * generations. Milliseconds since the epoch.
   */
  readonly openedSinceMs?: number;
  /** The generations of earlier runs. */
  readonly earlier?: readonly GenerationRecord[];
  /** The image that the row has, of an earlier generation than `generation`: it stands until a new one is stored. */
  readonly standing?: CurrentImage;
}

/** An image that a row keeps where it gets no new one. */
export interface CurrentImage {
  readonly end: StoredEnd;
  /** Key below the batch's root. */
  readonly imageKey: string;
}

/** A row of a shard with the place it starts from. */
export interface ShardRow extends PromptRow, RowStart {}

/** A record of the sheet of which no row is made. */
export interface LeftOutRecord {
  /** 1-based first line of the record. */
  readonly line: number;
  /** Its row as spreadsheets count, the header being row 1; absent where it is the line. */
  readonly tableRow?: number;
  /** How many rows of the batch come before it; absent or undefined where it comes after all of them. */
  readonly place?: number | undefined;
  /** The whole record by column name. */
  readonly record: Readonly<Record<string, JsonValue>>;
  /** Of cells in `record` whose numbers have other digits in the sheet than JSON gives them: as the sheet writes them. */
  readonly texts?: Readonly<Record<string, string>>;
  /** The names that our columns have in `record`. Absent in ledgers of earlier builds. */
  readonly ours?: Readonly<Partial<Record<InputColumn, string>>>;
}

/** A record that was left out as requested, since the one on line `repeatOf` says the same. */
export interface SkippedRecord extends LeftOutRecord, Repeat {}

/** The first record that is identical to another one, where neither has an id of its own. */
export interface Repeat {
  /** Its line. */
  readonly repeatOf: number;
  /** Its row as spreadsheets count; absent where it is the line. */
  readonly repeatOfRow?: number;
}

/** One line of the sheet that breaks a rule of the contract: told before any money is spent. */
export interface RejectedRecord extends LeftOutRecord {
  readonly column: string;
  /** The offending value, shortened to 200 characters. */
  readonly value: string;
  /** The rule that it breaks, as a sentence for a person. */
  readonly rule: string;
}
