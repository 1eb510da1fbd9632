import type { JsonValue } from '../../domain/text/json.js';
import { INPUT_COLUMNS } from '../../domain/rows/columns.js';
import { BrokenRule, cellText } from './cells.js';
import type { SheetColumns } from './sheet-columns.js';
import type { SourceRecord } from '../source-record.js';
import { SheetError } from '../sheet-error.js';

/**
 * A record with exactly as many cells as the header has columns: missing ones at its end count as blank, since
 * spreadsheets omit them, and blank ones beyond the header are dropped.
 *
 * Throws BrokenRule for a record with more cells, which may all be in the wrong columns; for a short last line
 * without a line break, as in a truncated file; and for what is not a row: the header again, or a "sep=" line, in
 * joined files. Throws SheetError `other-header` for the header of a file with its columns in other places.
 */
export function fittedRecord(record: SourceRecord, columns: SheetColumns, sheet: string): SourceRecord {
  refuseHeaderAgain(record, columns, sheet);
  const { length } = record.values;
  const width = columns.names.length;
  if (length === width) return record;
  if (length < width) {
    if (record.isCutShort === true && length < width - trailingUnnamed(columns)) {
      throw new BrokenRule(
        '',
        String(length),
        `the last line ends without a line break and has ${fields(length)}, but the header has ${width}: the file seems to be cut short. Copy or download it again, or complete the line`,
      );
    }
    return { ...record, values: [...record.values, ...Array<string>(width - length).fill('')] };
  }
  if (record.values.slice(width).every(isBlank)) return { ...record, values: record.values.slice(0, width) };
  throw new BrokenRule(
    '',
    String(length),
    `${fields(length)}, but the header has ${width}. Put text that contains the delimiter in quotes`,
  );
}

function fields(count: number): string {
  return count === 1 ? '1 field' : `${count} fields`;
}

function trailingUnnamed(columns: SheetColumns): number {
  const unnamed = new Set(columns.labels.filter((label) => label.isUnnamed).map((label) => label.index));
  let count = 0;
  while (unnamed.has(columns.names.length - 1 - count)) count += 1;
  return count;
}

/** A cell normalized for the comparison with a header: after a byte-order mark, quotes are not read as quotes. */
export function foldedCell(value: JsonValue | undefined): string {
  const text = (cellText(value) ?? '').trim();
  return (/^".*"$/s.test(text) ? text.slice(1, -1).trim() : text).toLowerCase();
}

const SEP_LINE = /^"?sep=.?"?$/i;

function refuseHeaderAgain(record: SourceRecord, columns: SheetColumns, sheet: string): void {
  const { values, line, tableRow } = record;
  const [first] = values;
  if (typeof first !== 'string' || first.length > columns.longestName + MOST_AROUND) return;
  if (SEP_LINE.test(first.trim()) && values.slice(1).every(isBlank)) {
    throw new BrokenRule(columns.names[0] ?? '', first, SEP_AGAIN, 'no-row');
  }
  // For nearly all records the first cell is enough.
  const firstFilled = values.find((value) => !isBlank(value));
  if (!columns.foldedNames.has(foldedCell(firstFilled))) return;
  const cells = values.map(foldedCell);
  const prompt = columns.ours.get('prompt');
  const filled = cells.flatMap((cell, index) => (cell === '' ? [] : [{ cell, index }]));
  const inHeader = filled.filter(({ index }) => index < columns.names.length);
  if (inHeader.every(({ cell, index }) => cell === columns.names[index]?.toLowerCase())) {
    const saysPrompt = inHeader.some(({ index }) => index === prompt);
    const hasSeveral = inHeader.length >= Math.min(2, columns.names.length);
    if (saysPrompt || hasSeveral) {
      const column = columns.names[prompt ?? 0] ?? '';
      throw new BrokenRule(column, cellText(values[prompt ?? 0]) ?? '', HEADER_AGAIN, 'no-row');
    }
    return;
  }
  const promptName = prompt === undefined ? 'prompt' : (columns.names[prompt]?.toLowerCase() ?? 'prompt');
  const isOther =
    filled.length >= 2 &&
    new Set(cells).size >= filled.length &&
    filled.some(({ cell }) => cell === promptName) &&
    filled.every(({ cell }) => columns.foldedNames.has(cell) || OUR_NAMES.has(cell));
  if (isOther) {
    throw new SheetError(
      'other-header',
      { sheet, line, tableRow },
      'the header of another file follows here, with its columns in another order, so the rows below it would be read wrongly. Submit the files one by one, the second with --merge, or put their columns in the same order',
    );
  }
}

const OUR_NAMES = new Set<string>(INPUT_COLUMNS);
/** Maximum of characters around a name: a byte-order mark, quotes, spaces. */
const MOST_AROUND = 16;

const HEADER_AGAIN =
  'this is the header again, not a row: files seem to have been joined here. This line is left out; the rows below it are read normally';
const SEP_AGAIN =
  'this is a "sep=" line for Excel, not a row: files seem to have been joined here. This line is left out; the rows below it are read normally';

/**
 * Whether a record is empty: no cell of ours, and none that makes the prompt, has any content, and all others at most
 * what spreadsheets fill in below a table: an unticked checkbox (FALSE) or the sum of nothing (0).
 */
export function isBlankRow({ values }: SourceRecord, columns: SheetColumns): boolean {
  if (columns.promptParts.length === 0 || !columns.promptParts.every((index) => isBlank(values[index])))
    return false;
  const ours = new Set(columns.ours.values());
  let hasCells = false;
  for (const [index, value] of values.entries()) {
    if (isBlank(value)) continue;
    if (ours.has(index) || !isNothing(value)) return false;
    hasCells = true;
  }
  return hasCells;
}

function isBlank(value: JsonValue | undefined): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

/** FALSE in the languages of spreadsheets. */
const FALSE_WORDS = new Set([
  'false',
  'falsch',
  'faux',
  'falso',
  'onwaar',
  'falskt',
  'falsk',
  'usann',
  'epätosi',
  'fałsz',
  'nepravda',
  'hamis',
  'fals',
  'yanlış',
  'ложь',
  'хибність',
]);
/** 0, 0.00, 0,0 %, -0, $0.00, 0 €. */
const ZERO = /^[-+]?\p{Sc}?\s?[-+]?0(?:[.,]0*)?\s?[%\p{Sc}]?$/u;
/** Formulas with an empty text as result, in files with formulas instead of results. */
const EMPTY_FORMULA = /^'?(?:=\s*)?""$/;

function isNothing(value: JsonValue | undefined): boolean {
  if (value === false || value === 0) return true;
  if (typeof value !== 'string') return false;
  const text = value.trim();
  return FALSE_WORDS.has(text.toLowerCase()) || ZERO.test(text) || EMPTY_FORMULA.test(text);
}
