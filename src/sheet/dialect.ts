import { SheetError, sheetLabel } from './sheet-error.js';
import type { SheetSettings, SheetSource } from './sheet-settings.js';

export type SheetFormat = 'csv' | 'tsv' | 'jsonl';

/** How a sheet is written. */
export interface Dialect {
  /** `tsv` wherever the delimiter is a tab. */
  readonly format: SheetFormat;
  /** For JSON Lines the one that our own files about it use: a comma. */
  readonly delimiter: string;
  /** 1 where the first line is Excel's `sep=;`, which is no record. */
  readonly skipLines: 0 | 1;
}

const CANDIDATES = [',', ';', '\t'] as const;
const SEP_LINE = /^"?sep=([^"\r\n])"?[ \t]*(?:\r\n|\n|\r|$)/i;

/**
 * The dialect of a sheet by the settings, its name's extension and its beginning (the whole header at least).
 *
 * The delimiter is the setting's, else the `sep=` line's, else a tab for `.tsv`, else whichever of comma, semicolon
 * and tab stands most often in the header outside quotes. Throws SheetError `html-page` for a web page, and
 * `bad-json` for a JSON document that is not JSON Lines.
 */
export function detectDialect(
  head: string,
  settings: Pick<SheetSettings, 'format' | 'delimiter'>,
  source: SheetSource,
): Dialect {
  const sheet = sheetLabel(source.name);
  const start = head.slice(0, 1000).trimStart();
  if (/^<(?:!doctype\s+html|html|head|body)\b/i.test(start)) {
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
    return { format, delimiter: ',', skipLines: 0 };
  }
  const sep = SEP_LINE.exec(head)?.[1];
  const header = sep === undefined ? head : head.replace(SEP_LINE, '');
  const delimiter = settings.delimiter ?? sep ?? (format === 'tsv' ? '\t' : mostFrequent(header));
  return { format: delimiter === '\t' ? 'tsv' : 'csv', delimiter, skipLines: sep === undefined ? 0 : 1 };
}

function formatByName(name: string): SheetFormat | undefined {
  const path = /^https?:/i.test(name) ? name.replace(/[?#].*$/s, '') : name;
  const extension = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase();
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

/** Counted in the first line that is not blank; quoted text does not count, and may hold line breaks. */
function mostFrequent(text: string): string {
  const counts = new Map<string, number>(CANDIDATES.map((candidate) => [candidate, 0]));
  let quoted = false;
  for (const character of text.trimStart()) {
    if (character === '"') quoted = !quoted;
    else if (!quoted && (character === '\n' || character === '\r')) break;
    else if (!quoted && counts.has(character)) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  let best: string = CANDIDATES[0];
  for (const [candidate, count] of counts) if (count > (counts.get(best) ?? 0)) best = candidate;
  return best;
}

function jsonArray(sheet: string): SheetError {
  return new SheetError(
    'bad-json',
    { sheet, line: 1 },
    "it is one JSON array; one JSON object a line was expected. Convert it with: jq -c '.[]' FILE > sheet.jsonl",
  );
}
