import type { JsonValue } from '../domain/text/json.js';

/** One record of a sheet as read, before any rule is applied. */
export interface SourceRecord {
  /** 1-based line on which it starts. */
  readonly line: number;
  /** Its row number in a spreadsheet, where the header is row 1; absent if equal to the line. */
  readonly tableRow?: number;
  /** 1-based line on which it ends; later than `line` if a quoted text has line breaks. */
  readonly endLine: number;
  /** Undefined for a cell that the record lacks although the header has a name for it. */
  readonly values: readonly (JsonValue | undefined)[];
  /** For cells with numbers that JSON would write differently: the cells as JSON text with the original digits. */
  readonly texts?: readonly (string | undefined)[];
  /** It is the last line of a file and ends without a line break. */
  readonly isCutShort?: true;
}

/** A line of a CSV or TSV file (or several, if a quoted text has line breaks), as read. */
export interface CsvRecord extends SourceRecord {
  readonly values: readonly string[];
}

/** Some of the records of a CSV or TSV file, in order. */
export interface CsvRecords {
  readonly records: readonly CsvRecord[];
  /** Number of blank records among them, which are left out. */
  readonly blank: number;
}

/** A line of a JSON Lines file, as read: parallel lists of keys and values. */
export interface JsonRecord extends SourceRecord {
  readonly keys: readonly string[];
}

/** Largest record that is read, in bytes (CSV) or characters (JSON Lines). */
export const MAX_RECORD_SIZE = 1 << 20;
