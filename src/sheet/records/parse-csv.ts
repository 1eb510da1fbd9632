import { finished } from 'node:stream/promises';
import { CsvError, parse, type InfoRecord, type Parser } from 'csv-parse';
import type { Dialect } from './dialect.js';
import type { RecordPlace } from '../record-place.js';
import { HalfCharacters } from '../text/half-characters.js';
import { countLineBreaks } from '../text/line-breaks.js';
import { MAX_RECORD_SIZE, type CsvRecord, type CsvRecords } from '../source-record.js';
import { foldedCell } from '../cells/record-shape.js';
import { SheetError, type LinePlace } from '../sheet-error.js';

/** Two noncharacters, which Unicode excludes from text. */
const NO_DELIMITER = '\uFDD0\uFDD1';

/**
 * The records of a CSV or TSV text in order, the header first, in lists as they arrive; blank ones, which
 * spreadsheets save below a table, are counted and dropped. No other record is ever lost without an error.
 *
 * Throws SheetError `quote-not-closed`, `broken-quote` or `record-too-large` (over 1 MiB) with the line on which the
 * record starts, after yielding the records before it. Quotes inside a field that does not start with one are text.
 * In tab-separated text so are those at the start of a field that continues after the closing quote, as most programs
 * that write TSV mean them.
 */
export async function* parseCsv(
  pieces: AsyncIterable<string>,
  dialect: Dialect,
  sheet: string,
): AsyncGenerator<CsvRecords, void, undefined> {
  const isTsv = dialect.format === 'tsv';
  let records: CsvRecord[] = [];
  let blank = 0;
  let header: readonly string[] | undefined;
  /** Whether the text so far ends with a line break. */
  let isEnded = true;
  let nextLine = 1 + dialect.skipLines;
  /** Lines so far that spreadsheets don't count as rows: "sep=", and those within cells. */
  let linesWithin = dialect.skipLines;
  let broken: RecordPlace | undefined;
  // The library's own `raw` copies byte by byte, which costs a seventh of the time.
  const window = new RecordWindow(2 * MAX_RECORD_SIZE);
  const blankLines = blankLinesOf(dialect);
  const isBroken = isTsv ? hasSwallowedLines : hasBrokenQuote;

  // csv-parse's own count is the line where a record ends, and it counts \r\n inside quotes twice.
  const collect = (record: string[], info: InfoRecord): null => {
    const written = (): string => window.textUpTo(info.bytes);
    // Rows of only commas below a table are blank, even if the comma is not the delimiter.
    const values = dialect.isOneColumn && /^[\s,]*$/.test(written()) ? [''] : record;
    const line = nextLine + info.empty_lines;
    const breaks = values.reduce((sum, value) => sum + countLineBreaks(value), 0);
    if (values.every((value) => value === '' || value.trim() === '')) blank += 1;
    else {
      // A byte-order mark in the middle of joined files hides the quotes of the header behind it.
      const place = placeOn(line);
      if (isBroken(values, written) && !isSameHeader(values, header)) broken ??= place;
      header ??= values;
      records.push({ ...place, endLine: line + breaks, values: window.withHalves(values, info.bytes) });
    }
    nextLine += breaks + 1;
    linesWithin += breaks;
    window.endRecord(info.bytes);
    return null;
  };
  const parser = parse({
    // The decoder has removed the byte-order mark; a second one is text.
    bom: false,
    columns: false,
    delimiter: dialect.isOneColumn ? NO_DELIMITER : dialect.delimiter,
    max_record_size: MAX_RECORD_SIZE,
    on_record: collect,
    // Guessing it from the first line breaks files that mix line breaks.
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    // skip_records_with_error stays off: with max_record_size it loses the rest of the file silently.
  });
  // Every error also reaches the callback of the write that met it; without a listener the process would end.
  parser.on('error', () => {});

  try {
    let skip = dialect.skipLines;
    for await (const piece of pieces) {
      const text = skip === 0 ? piece : piece.replace(/^[^\r\n]*(?:\r\n|\n|\r)?/, '');
      skip = 0;
      if (text === '') continue;
      isEnded = /[\r\n]$/.test(text);
      // Spreadsheets save a million blank rows below a table; the library is quick only with lines that are empty.
      const isBlank = !window.hasQuote && blankLines.test(text);
      if (isBlank) blank += text.match(/[^\r\n]+/g)?.length ?? 0;
      const bytes = window.add(isBlank ? text.replaceAll(/[^\r\n]+/g, '') : text);
      yield* settled(await taken(parser, bytes));
    }
    yield* settled(await ended(parser), true);
  } finally {
    parser.destroy();
  }

  function* settled(error: unknown, isEnd = false): Generator<CsvRecords> {
    if (broken) throw brokenQuote({ sheet, ...broken });
    const last = isEnd && !isEnded ? records.pop() : undefined;
    if (last) records.push({ ...last, isCutShort: true });
    const batch = { records, blank };
    records = [];
    blank = 0;
    if (batch.records.length + batch.blank > 0) yield batch;
    if (error !== undefined)
      throw explained(error, { sheet, ...placeOn(nextLine + parser.info.empty_lines) });
  }

  function placeOn(line: number): { readonly line: number; readonly tableRow?: number } {
    return linesWithin === 0 ? { line } : { line, tableRow: line - linesWithin };
  }
}

/** Complete lines of only spaces and delimiters. */
function blankLinesOf({ isOneColumn, delimiter }: Dialect): RegExp {
  const code = (isOneColumn ? ',' : delimiter).codePointAt(0) ?? 0;
  return new RegExp(String.raw`^[\s\u{${code.toString(16)}}]*[\r\n]$`, 'u');
}

function taken(parser: Parser, bytes: Buffer): Promise<Error | undefined> {
  return new Promise((resolve) => {
    parser.write(bytes, (error) => {
      resolve(error ?? undefined);
    });
  });
}

async function ended(parser: Parser): Promise<unknown> {
  parser.end();
  try {
    await finished(parser, { readable: false });
    return undefined;
  } catch (error) {
    return error;
  }
}

function isSameHeader(values: readonly string[], header: readonly string[] | undefined): boolean {
  return (
    header !== undefined && values.every((value, index) => foldedCell(value) === foldedCell(header[index]))
  );
}

/** Whether a field begins like that although in the record, as written, it is not within quotes. */
function isOpened(values: readonly string[], written: () => string, opened: RegExp): boolean {
  return values.some(
    (value) => opened.test(value) && !written().includes(`"${value.replaceAll('"', '""')}"`),
  );
}

/**
 * A field that starts with a quote, with or without spaces before it, but was not read as a quoted one: programs
 * differ in its meaning, and the next delimiter may have been meant as text.
 */
function hasBrokenQuote(values: readonly string[], written: () => string): boolean {
  return isOpened(values, written, /^\s*"/);
}

/**
 * Bare quotes are text in TSV, except if one opened a field that took in line breaks and was never properly closed:
 * then the field in the file is not the intended one.
 */
function hasSwallowedLines(values: readonly string[], written: () => string): boolean {
  return isOpened(values, written, /^"[^"]*[\r\n]/);
}

function explained(error: unknown, place: LinePlace): unknown {
  if (!(error instanceof CsvError)) return error;
  // The library's own type lacks some codes.
  const code: string = error.code;
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return new SheetError(
        'quote-not-closed',
        place,
        'a quote that opens in this record is never closed, so everything after it would be one cell. Close it, or write a quote inside a text twice: "a ""quoted"" word"',
      );
    case 'CSV_MAX_RECORD_SIZE':
      return new SheetError(
        'record-too-large',
        place,
        `the record that starts here is larger than ${MAX_RECORD_SIZE >> 20} MiB. Most likely a quote in it is never closed, or --delimiter is wrong`,
      );
    default:
      return error;
  }
}

function brokenQuote(place: LinePlace): SheetError {
  return new SheetError(
    'broken-quote',
    place,
    'a quote in the record that starts here is out of place, or one is never closed. Put the whole text in quotes and write the quotes inside it twice: "a ""quoted"" word"; if the file uses another delimiter, set --delimiter',
  );
}

const QUOTE = 0x22;

/**
 * The bytes of a text from the start of the current record, to inspect a record as written. UTF-8 cannot encode lone
 * surrogates; their places are kept separately.
 */
class RecordWindow {
  readonly #mostBytes: number;
  #pieces: Buffer[] = [];
  /** Total bytes of the pieces. */
  #size = 0;
  /** Start of the window, in bytes of the whole text. */
  #start = 0;
  #recordStart = 0;
  #lastQuote = -1;
  readonly #halves = new HalfCharacters();

  /** `mostBytes`: maximum length of a record; anything before it is blank lines, which end no record. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Whether the text of the unfinished records contains a quote. */
  get hasQuote(): boolean {
    return this.#lastQuote >= this.#recordStart;
  }

  /** Adds the next piece of the text and returns its bytes; drops the records that have ended. */
  add(text: string): Buffer {
    const piece = Buffer.from(text);
    this.#halves.note(text, this.#start + this.#size);
    const quote = piece.lastIndexOf(QUOTE);
    if (quote !== -1) this.#lastQuote = this.#start + this.#size + quote;
    this.#pieces.push(piece);
    this.#size += piece.length;
    this.#dropBefore(Math.max(this.#recordStart, this.#start + this.#size - piece.length - this.#mostBytes));
    return piece;
  }

  /** The record that ends before byte `end` of the text, as written. */
  textUpTo(end: number): string {
    return this.#bytesUpTo(end).toString('utf8');
  }

  /** The cells of the record that ends before byte `end` of the text, with its lone surrogates restored. */
  withHalves(values: string[], end: number): string[] {
    if (!this.#halves.isAnyBefore(end)) return values;
    const written = this.#bytesUpTo(end);
    return this.#halves.restoredIn(values, written, end - written.length);
  }

  #bytesUpTo(end: number): Buffer {
    const [first] = this.#pieces;
    const bytes = this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces);
    if (bytes !== first) this.#pieces = [bytes];
    return bytes.subarray(Math.max(0, this.#recordStart - this.#start), end - this.#start);
  }

  /** The next record starts at byte `end` of the text. */
  endRecord(end: number): void {
    this.#recordStart = end;
  }

  #dropBefore(place: number): void {
    let dropped = 0;
    while (dropped < this.#pieces.length) {
      const { length } = this.#pieces[dropped] ?? { length: 0 };
      if (this.#start + length > place) break;
      this.#start += length;
      this.#size -= length;
      dropped += 1;
    }
    if (dropped > 0) this.#pieces = this.#pieces.slice(dropped);
  }
}
