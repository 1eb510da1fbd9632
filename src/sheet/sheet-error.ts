import { closestMatch } from 'leven';
import { publicAddress } from '../domain/rows/input-image.js';
import { placeText } from './record-place.js';

/** Why a sheet is unusable as a whole. */
export type SheetErrorCode =
  | 'bad-json'
  | 'bad-template'
  | 'broken-header'
  | 'broken-gzip'
  | 'broken-quote'
  | 'duplicate-header'
  | 'html-page'
  | 'no-prompt-column'
  | 'no-rows'
  | 'not-text'
  | 'other-header'
  | 'quote-not-closed'
  | 'record-too-large'
  | 'too-many-rows'
  | 'too-large'
  | 'undecodable'
  | 'unknown-column'
  | 'unknown-encoding';

/**
 * The sheet cannot be trusted as a whole, so nothing of it may start. The message is one line for the author of the
 * sheet: which sheet, which line, what is wrong, and what to do.
 *
 * It names columns and lines but quotes no cell, and has no `cause`, since it may enter the workflow history.
 */
export class SheetError extends Error {
  override readonly name = 'SheetError';
  readonly code: SheetErrorCode;
  /** 1-based, if the fault has a line. */
  readonly line: number | undefined;
  /** Its row number in a spreadsheet, if different from the line. */
  readonly tableRow: number | undefined;

  constructor(code: SheetErrorCode, where: SheetPlace, message: string) {
    const { sheet, line, tableRow } = where;
    const place = line === undefined ? '' : `, ${placeText({ line, tableRow })}`;
    super(`${sheet}${place}: ${message}`);
    this.code = code;
    this.line = line;
    this.tableRow = tableRow;
  }
}

/** The sheet and place: the beginning of every message. */
export interface SheetPlace {
  readonly sheet: string;
  readonly line?: number;
  readonly tableRow?: number | undefined;
}

/** The same with a line. */
export interface LinePlace extends SheetPlace {
  readonly line: number;
}

/** The name of a sheet in messages: its path or URL, without the possibly secret parts of a URL (credentials, query, fragment). */
export function sheetLabel(name: string): string {
  return name === '-' ? 'standard input' : publicAddress(name);
}

/** Column names in a message: quoted, at most 20. */
export function listColumns(names: readonly string[]): string {
  const named = names.filter((name) => name !== '');
  const shown = named.slice(0, 20).map((name) => JSON.stringify(name.slice(0, 60)));
  const more = named.length > shown.length ? ` and ${named.length - shown.length} more` : '';
  return shown.length === 0 ? 'none with a name' : `${shown.join(', ')}${more}`;
}

/** The end of a message about a missing column: the column that was probably meant, and all existing ones. */
export function columnsInstead(meant: string, names: readonly string[]): string {
  const spelled = new Map(names.map((name) => [name.toLowerCase(), name]));
  const near = closestMatch(meant.toLowerCase(), [...spelled.keys()], {
    maxDistance: Math.floor(meant.length * 0.4),
  });
  const guess = near ? `Did you mean ${JSON.stringify(spelled.get(near))}? ` : '';
  return `${guess}Its columns: ${listColumns(names)}`;
}
