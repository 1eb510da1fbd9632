import type { JsonValue } from '../domain/text/json.js';

/** One record of a sheet as read, before any rule is applied. */
export interface SourceRecord {
  /** 1-based line on which it starts. */
  readonly line: number;
  /** Its row as spreadsheets count, the header being row 1; absent where it is the line. */
  readonly tableRow?: number;
  /** 1-based line on which it ends; later than `line` where a quoted text has line breaks. */
  readonly endLine: number;
  /** Undefined for a cell that the record does not have, though its place in the record has a name. */
  readonly values: readonly (JsonValue | undefined)[];
  /** Of cells whose numbers have other digits in the sheet than JSON gives them: the cells as JSON text with those digits. */
  readonly texts?: readonly (string | undefined)[];
  /** It is the last line of a file and ends without a line break. */
  readonly isCutShort?: true;
}

/** A line of a CSV or TSV file (or several, where a quoted text has line breaks), as read. */
export interface CsvRecord extends SourceRecord {
  readonly values: readonly string[];
}

/** Some of the records of a CSV or TSV file, in order. */
export interface CsvRecords {
  readonly records: readonly CsvRecord[];
  /** Records among them that are left out, since no cell has anything in it. */
  readonly blank: number;
}

/** A line of a JSON Lines file, as read: keys and values side by side. */
export interface JsonRecord extends SourceRecord {
  readonly keys: readonly string[];
}

/** Largest record that is read, in bytes (CSV) or characters (JSON Lines). */
export const MAX_RECORD_SIZE = 1 << 20;
