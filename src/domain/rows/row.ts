import type { Model, Resolution } from './generation-settings.js';
import type { ContentHash, JobId, RowId } from './ids.js';
import type { JsonValue } from '../text/json.js';
import type { GenerationRecord, StoredEnd } from './outcome.js';
import type { InputColumn } from './columns.js';

/** One checked row: what is sent, where its image is stored, and what is carried along. Written to `runs/<runSeq>/rows/`. */
export interface PromptRow {
  /** 0-based position among the batch's accepted rows, in sheet order after expansion. */
  readonly position: number;
  /** 1-based line of the sheet on which the record starts. */
  readonly line: number;
  /** The record's row number in a spreadsheet, where the header is row 1; absent if equal to the line. */
  readonly tableRow?: number;
  readonly rowId: RowId;
  readonly contentHash: ContentHash;
  readonly prompt: string;
  readonly model: Model;
  readonly aspectRatio: string;
  /** Always `1K` for NanoBanana, whose requests do not include it. */
  readonly resolution: Resolution;
  /** Empty for text-to-image. */
  readonly inputImages: readonly string[];
  /** Name of the image below `images/train/`, without its extension: the chosen one, else `imageNameOf` the id. */
  readonly imageName: string;
  /** Columns that are not ours, as read, by their names in the sheet. */
  readonly labels: Readonly<Record<string, JsonValue>>;
  /** For labels with numbers that JSON would write differently (`1.50`): the cells as in the sheet. */
  readonly labelTexts?: Readonly<Record<string, string>>;
  /** Absent in ledgers of earlier builds. */
  readonly given?: GivenCells;
}

/** The sheet's cells in our columns, verbatim. Without columns that the sheet lacks, and without a prompt equal to the row's own. */
export type GivenCells = Readonly<Partial<Record<InputColumn, JsonValue>>>;

/** Where a row starts: an earlier run may have bought a job with an unknown end. */
export interface RowStart {
  /** The generation to make or await first; 1 for a new row. */
  readonly generation: number;
  /** A known job of that generation: awaited, not bought again. */
  readonly jobId?: JobId;
  /** When the first unanswered create of that generation was sent. Milliseconds since the epoch. */
  readonly unansweredSinceMs?: number;
  /** When an earlier run, which ended unrecorded, opened the row's shard: it may have made this and later generations. Milliseconds since the epoch. */
  readonly openedSinceMs?: number;
  /** The row ended in an earlier run because the service failed for it alone: if it fails again in that way, no other row must show that. */
  readonly failedAlone?: true;
  /** The generations of earlier runs. */
  readonly earlier?: readonly GenerationRecord[];
  /** The row's image of an earlier generation than `generation`: it stays until a new one is stored. */
  readonly keptImage?: CurrentImage;
}

/** An image that a row keeps if it gets no new one. */
export interface CurrentImage {
  readonly end: StoredEnd;
  /** Key below the batch's root. */
  readonly imageKey: string;
}

/** A row of a shard with its starting point. */
export interface ShardRow extends PromptRow, RowStart {}

/** A record of the sheet that gives no row. */
export interface LeftOutRecord {
  /** 1-based first line of the record. */
  readonly line: number;
  /** Its row number in a spreadsheet, where the header is row 1; absent if equal to the line. */
  readonly tableRow?: number;
  /** Number of the batch's rows before it; absent or undefined if it comes after all of them. */
  readonly place?: number | undefined;
  /** The whole record by column name. */
  readonly record: Readonly<Record<string, JsonValue>>;
  /** For cells in `record` with numbers that JSON would write differently: the text in the sheet. */
  readonly texts?: Readonly<Record<string, string>>;
  /** The names of our columns in `record`. Absent in ledgers of earlier builds. */
  readonly ours?: Readonly<Partial<Record<InputColumn, string>>>;
}

/** A record that was left out as requested, since the one on line `repeatOf` is identical. */
export interface SkippedRecord extends LeftOutRecord, Repeat {}

/** The first of two identical records without ids of their own. */
export interface Repeat {
  /** Its line. */
  readonly repeatOf: number;
  /** Its row number in a spreadsheet; absent if equal to the line. */
  readonly repeatOfRow?: number;
}

/** One line of the sheet that breaks a rule of the contract; reported before any money is spent. */
export interface RejectedRecord extends LeftOutRecord {
  readonly column: string;
  /** The offending value, shortened to 200 characters. */
  readonly value: string;
  /** The rule that it breaks, as a sentence for users. */
  readonly rule: string;
}
