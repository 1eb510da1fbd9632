import { parse } from 'csv-parse/sync';

/** Ties go to the earlier one. */
const CANDIDATES = [',', ';', '\t'] as const;

const BLANK_LINES = /^(?:[^\S\r\n]*(?:\r\n|\n|\r))+/;

/** How many records are looked at, the header among them. */
const LOOKED_AT = 100;

/**
 * What separates the cells of a CSV text, by its beginning; undefined where its header has no comma, semicolon or tab
 * outside quotes, so that it has one column.
 *
 * Of those that the header has, it is the most frequent one by which all of the first records are as wide as the
 * header; where none does that, the most frequent one. `isWhole`: the text is not cut anywhere.
 */
export function mostLikelyDelimiter(text: string, isWhole: boolean): string | undefined {
  const counts = countsInHeader(text);
  const present = CANDIDATES.filter((candidate) => counts.has(candidate));
  const byCount = present.toSorted((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  return byCount.length < 2
    ? byCount[0]
    : (byCount.find((one) => isConsistent(text, one, isWhole)) ?? byCount[0]);
}

/** The first line that is not blank; quoted text does not count, and may hold line breaks. */
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
    // The text may end within a quoted cell; what stands before that was seen.
  }
  // The beginning of a text may end within a record, whose other cells are not seen.
  if (!isWhole && widths.length < LOOKED_AT) widths.pop();
  return widths.length > 1 && widths.every((width) => width === widths[0]);
}
