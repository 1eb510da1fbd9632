import { parse } from 'lossless-json';
import { z } from 'zod';
import type { JsonValue } from '../../domain/text/json.js';
import { numberTexts } from './number-texts.js';
import { MAX_RECORD_SIZE, type JsonRecord } from '../source-record.js';
import { SheetError } from '../sheet-error.js';

/** Far more than labels need, and far less than the limit of any reader of the batch's files. */
const MAX_LEVELS = 100;

/** Checked only as a whole: copying every key would drop some (`__proto__`) and takes time on a million lines. */
const JsonObject = z.custom<Readonly<Record<string, JsonValue>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

/**
 * The records of a JSON Lines text in order, in lists as they arrive; blank lines are skipped.
 *
 * Numbers are exact, or text (`parseJson`).
 * Throws SheetError `bad-json` with the line that is not one JSON object or nested over 100 deep, and
 * `record-too-large` over 1 Mi characters.
 */
export async function* parseJsonLines(
  pieces: AsyncIterable<string>,
  sheet: string,
): AsyncGenerator<readonly JsonRecord[], void, undefined> {
  let line = 1;
  for await (const piece of pieces) {
    const { records, nextLine } = parseLines(piece, line, sheet);
    line = nextLine;
    if (records.length > 0) yield records;
  }
}

/** The records of a text that starts with line `firstLine`, and the number of the line after it. */
export function parseLines(
  text: string,
  firstLine: number,
  sheet: string,
): { readonly records: readonly JsonRecord[]; readonly nextLine: number } {
  const lines = text.split(/\r\n|\n|\r/);
  const records: JsonRecord[] = [];
  for (const [index, content] of lines.entries()) {
    if (content.trim() !== '') records.push(parseLine(content, firstLine + index, sheet));
  }
  return { records, nextLine: firstLine + lines.length - 1 };
}

function parseLine(asRead: string, line: number, sheet: string): JsonRecord {
  // Joined files may have a byte-order mark in the middle, which JSON does not accept as a space.
  const content = asRead.startsWith('\uFEFF') ? asRead.slice(1) : asRead;
  if (content.length > MAX_RECORD_SIZE) {
    throw new SheetError(
      'record-too-large',
      { sheet, line },
      'this line is longer than 1 MiB. Shorten the record',
    );
  }
  const values = parsedObject(content);
  if (values === undefined) {
    throw new SheetError(
      'bad-json',
      { sheet, line },
      'this is not one JSON object. Expected one object per line, such as {"prompt": "a red fox"}; for another format use --format csv or tsv',
    );
  }
  if (isNestedDeeper(values, MAX_LEVELS)) {
    throw new SheetError(
      'bad-json',
      { sheet, line },
      `its lists and objects are nested more than ${MAX_LEVELS} levels deep. Flatten it`,
    );
  }
  const [keys, cells] = [Object.keys(values), Object.values(values)];
  const texts = numberTexts(content, keys, cells);
  return { line, endLine: line, keys, values: cells, ...(texts && { texts }) };
}

function isNestedDeeper(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isNestedDeeper(inner, levels - 1));
}

function parsedObject(content: string): Readonly<Record<string, JsonValue>> | undefined {
  try {
    const parsed = JsonObject.safeParse(parseJson(content));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Numbers that `JSON.parse` may change; also matches strings of digits. */
const MAYBE_INEXACT = /\d{16}|\d[eE]\+?\d{3}|-0(?!\d)/;

/**
 * The value of a JSON text, like `JSON.parse`, except for numbers that it would silently change: a whole number
 * beyond ±(2^53 − 1), and one too large for a double, become the text of their digits; -0 becomes 0, which is how it
 * is written. Throws if the text is not valid JSON.
 */
export function parseJson(text: string): unknown {
  if (!MAYBE_INEXACT.test(text)) return JSON.parse(text);
  return parse(text, undefined, { parseNumber: numberOrDigits, onDuplicateKey: ({ newValue }) => newValue });
}

function numberOrDigits(digits: string): number | string {
  const number = Number(digits);
  const isWhole = /^-?\d+$/.test(digits);
  if (!Number.isFinite(number) || (isWhole && !Number.isSafeInteger(number))) return digits;
  return number === 0 ? 0 : number;
}
