/** What makes a sheet unusable as a whole. */
export type SheetErrorCode =
  | 'bad-json'
  | 'bad-template'
  | 'broken-gzip'
  | 'broken-quote'
  | 'duplicate-header'
  | 'html-page'
  | 'no-prompt-column'
  | 'no-rows'
  | 'not-supported'
  | 'not-text'
  | 'quote-not-closed'
  | 'record-too-large'
  | 'too-large'
  | 'undecodable'
  | 'unknown-column'
  | 'unknown-encoding';

/**
 * The sheet cannot be trusted as a whole, so nothing of it may start. The message is one line for the person who
 * wrote the sheet: which sheet, which line, what is wrong, and what to do.
 *
 * It names columns and lines but repeats no cell, and has no `cause`, since it may end up in workflow history.
 */
export class SheetError extends Error {
  override readonly name = 'SheetError';
  readonly code: SheetErrorCode;
  /** 1-based, where the fault has a line. */
  readonly line: number | undefined;

  constructor(code: SheetErrorCode, where: SheetPlace, message: string) {
    const place = where.line === undefined ? where.sheet : `${where.sheet}, line ${where.line}`;
    super(`${place}: ${message}`);
    this.code = code;
    this.line = where.line;
  }
}

/** Where in which sheet: the beginning of every message. */
export interface SheetPlace {
  readonly sheet: string;
  readonly line?: number;
}

/** How messages name a sheet: its path or URL, without what may be secret in a URL (credentials, query, fragment). */
export function sheetLabel(name: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(name)) return name === '-' ? 'standard input' : name;
  return name.replace(/[?#].*$/s, '').replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
}

/** Column names as a message shows them: quoted, at most 20. */
export function listColumns(names: readonly string[]): string {
  const named = names.filter((name) => name !== '');
  const shown = named.slice(0, 20).map((name) => JSON.stringify(name.slice(0, 60)));
  const more = named.length > shown.length ? ` and ${named.length - shown.length} more` : '';
  return shown.length === 0 ? 'none with a name' : `${shown.join(', ')}${more}`;
}
