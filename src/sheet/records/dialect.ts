import { mostLikelyDelimiter } from '../delimiter.js';
import { SheetError, sheetLabel } from '../sheet-error.js';
import type { SheetSettings } from '../sheet-settings.js';
import { startsAsWebPage } from '../web-page.js';

export type SheetFormat = 'csv' | 'tsv' | 'jsonl';

/** How a sheet is written. */
export interface Dialect {
  /** `tsv` wherever the delimiter is a tab. */
  readonly format: SheetFormat;
  /** For JSON Lines, and for a sheet of one column, the one that our own files about it use: a comma. */
  readonly delimiter: string;
  /** The header has no delimiter and no one named one: in the records nothing separates either. */
  readonly isOneColumn: boolean;
  /** 1 where the first line is Excel's `sep=;`, which is not a record. */
  readonly skipLines: 0 | 1;
}

const SEP_LINE = /^"?sep=([^"\r\n])"?[ \t]*(?:\r\n|\n|\r|$)/i;

/** The beginning of a sheet's text; the whole of it where it is short. */
export interface SheetHead {
  readonly text: string;
  readonly isWhole: boolean;
}

/**
 * The dialect of a sheet by the settings, its name's extension (before a `.gz`) and its beginning (the whole header at
 * least).
 *
 * The delimiter is the setting's, else the `sep=` line's, else a tab for `.tsv`, else the most likely one. Throws
 * SheetError `html-page` for a web page, and `bad-json` for a JSON document that is not JSON Lines.
 */
export function detectDialect(
  { text: head, isWhole }: SheetHead,
  settings: Pick<SheetSettings, 'format' | 'delimiter'>,
  source: { readonly name: string },
): Dialect {
  const sheet = sheetLabel(source.name);
  const start = head.slice(0, 1000).trimStart();
  if (startsAsWebPage(start)) {
    throw new SheetError(
      'html-page',
      { sheet },
      'it is a web page, not a sheet. For a shared sheet use its CSV export link (Google Sheets: …/export?format=csv), and make sure it needs no login',
    );
  }
  const named = settings.format ?? formatByName(source.name);
  const format = named ?? (settings.delimiter === undefined && start.startsWith('{') ? 'jsonl' : 'csv');
  if (named === undefined && /^\[\s*[{[]/.test(start)) throw jsonArray(sheet);
  if (format === 'jsonl') {
    if (start.startsWith('[')) throw jsonArray(sheet);
    return { format, delimiter: ',', isOneColumn: false, skipLines: 0 };
  }
  const sep = SEP_LINE.exec(head)?.[1];
  const skipLines = sep === undefined ? 0 : 1;
  const given = settings.delimiter ?? sep ?? (format === 'tsv' ? '\t' : mostLikelyDelimiter(head, isWhole));
  const delimiter = given ?? ',';
  return {
    format: delimiter === '\t' ? 'tsv' : 'csv',
    delimiter,
    isOneColumn: given === undefined,
    skipLines,
  };
}

function formatByName(name: string): SheetFormat | undefined {
  const path = /^https?:/i.test(name) ? name.replace(/[?#].*$/s, '') : name;
  const extension = /\.([a-z0-9]+)(?:\.gz)?$/i.exec(path)?.[1]?.toLowerCase();
  switch (extension) {
    case 'csv':
      return 'csv';
    case 'tsv':
    case 'tab':
      return 'tsv';
    case 'jsonl':
    case 'ndjson':
      return 'jsonl';
    case undefined:
    default:
      return undefined;
  }
}

function jsonArray(sheet: string): SheetError {
  return new SheetError(
    'bad-json',
    { sheet, line: 1 },
    "it is one JSON array, but one JSON object per line is expected. Convert it with: jq -c '.[]' FILE > sheet.jsonl",
  );
}
