import type { InputColumn } from '../../domain/rows/columns.js';
import type { PlacedPart } from './template.js';

/** The use of a record's columns, by place. */
export interface SheetColumns {
  /** As in the sheet, trimmed; `column_7` for one without a name. */
  readonly names: readonly string[];
  readonly ours: ReadonlyMap<InputColumn, number>;
  readonly labels: readonly LabelColumn[];
  /** Makes the prompt, instead of a prompt column. */
  readonly template: readonly PlacedPart[] | undefined;
  /** Makes the image's name, instead of a file_name column; `ROW_ID_PLACE` stands for the row's id. */
  readonly nameTemplate: readonly PlacedPart[] | undefined;
  /** Whether any record of the sheet may choose its image's name. */
  readonly mayName: boolean;
  /** The sheet is our own failures.csv: ids are final, prompts are made. */
  readonly isFailures: boolean;
  /** The sheet is our own rejects.csv. */
  readonly isRejects: boolean;
  /** The place of the column of our own rejects.csv with the lines of the rejected records; undefined if there is none. */
  readonly rejectLine: number | undefined;
  /** The places of the prompt's column, or of its template's columns. */
  readonly promptParts: readonly number[];
  /** The places of all cells with a meaning to us: our columns, and those of the templates. */
  readonly read: readonly number[];
  /** The names in lower case, and the length of the longest: for recognizing a repeated header. */
  readonly foldedNames: ReadonlySet<string>;
  readonly longestName: number;
  /** A name contains text that must not be written to files; only in a record of JSON Lines. */
  readonly hasBrokenName: boolean;
  /** The place of the column in our own reports that lists the cells with JSON text; undefined if there is none. */
  readonly jsonCells: number | undefined;
}

/** A column that is carried along. */
export interface LabelColumn {
  readonly index: number;
  readonly name: string;
  /** It has no name in the sheet: it counts only if a cell has content. */
  readonly isUnnamed: boolean;
}
