import { parse } from 'csv-parse/sync';
import { SheetError, sheetLabel } from '../sheet-error.js';
import type { SheetSettings } from '../sheet-settings.js';

export type SheetFormat = 'csv' | 'tsv' | 'jsonl';

/** The notation of a sheet. */
export interface Dialect {
  /** `tsv` if the delimiter is a tab. */
  readonly format: SheetFormat;
  /** For JSON Lines and for a sheet of one column, the delimiter of our own files about it: a comma. */
  readonly delimiter: string;
  /** The header has no delimiter and none was configured: then the records have none either. */
  readonly isOneColumn: boolean;
  /** 1 if the first line is Excel's `sep=;`, which is not a record. */
  readonly skipLines: 0 | 1;
}

const SEP_LINE = /^"?sep=([^"\r\n\ud800-\udfff])"?[ \t]*(?:\r\n|\n|\r|$)/i;

/** The beginning of a sheet's text; all of it if it is short. */
export interface SheetHead {
  readonly text: string;
  readonly isWhole: boolean;
}

/**
 * The dialect of a sheet from the settings, its name's extension (before a `.gz`) and its beginning (at least the
 * whole header).
 *
 * The delimiter is the configured one, else the `sep=` line's, else a tab for `.tsv`, else the most likely one.
 * Throws SheetError `html-page` for a web page, and `bad-json` for a JSON document that is not JSON Lines.
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

/** Ties go to the earlier one. */
const CANDIDATES = [',', ';', '\t'] as const;

const BLANK_LINES = /^(?:[^\S\r\n]*(?:\r\n|\n|\r))+/;

/** How many records are checked, including the header. */
const LOOKED_AT = 100;

/**
 * The delimiter of a CSV text, from its beginning; undefined if its header has no comma, semicolon or tab outside
 * quotes, so that it has one column.
 *
 * Among the header's delimiters it is the most frequent one with which all of the first records are as wide as the
 * header; if there is none, the most frequent one. `isWhole`: the text is not truncated.
 */
export function mostLikelyDelimiter(text: string, isWhole: boolean): string | undefined {
  const counts = countsInHeader(text);
  const present = CANDIDATES.filter((candidate) => counts.has(candidate));
  const byCount = present.toSorted((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  return byCount.length < 2
    ? byCount[0]
    : (byCount.find((one) => isConsistent(text, one, isWhole)) ?? byCount[0]);
}

/** The first non-blank line; quoted text does not count, and may contain line breaks. */
function countsInHeader(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  let quoted = false;
  for (const character of text.replace(BLANK_LINES, '')) {
    if (character === '"') quoted = !quoted;
    else if (!quoted && (character === '\n' || character === '\r')) break;
    else if (!quoted) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  return counts;
}

function isConsistent(text: string, delimiter: string, isWhole: boolean): boolean {
  const widths: number[] = [];
  try {
    parse(text, {
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      to: LOOKED_AT,
      on_record: (values: readonly string[]) => {
        if (values.some((value) => value.trim() !== '')) widths.push(values.length);
        return null;
      },
    });
  } catch {
    // The text may end within a quoted cell; everything before that was counted.
  }
  // The text may end within a record, whose other cells are unknown.
  if (!isWhole && widths.length < LOOKED_AT) widths.pop();
  return widths.length > 1 && widths.every((width) => width === widths[0]);
}

/** Whether a text starts like a web page or another XML document, which servers send instead of a sheet. */
export function startsAsWebPage(start: string): boolean {
  return /^\uFEFF?\s*<(?:!doctype|html|head|body|!--|\?xml)/i.test(start.slice(0, 1000));
}
