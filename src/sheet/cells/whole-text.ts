import type { JsonValue } from '../../domain/text/json.js';
import { BrokenRule } from './cells.js';
import type { SheetColumns } from './sheet-columns.js';
import type { SourceRecord } from '../source-record.js';

/**
 * The rule that a text breaks which cannot be written to files for general use: a lone surrogate is not valid
 * Unicode, and a NUL ends texts in many programs. Undefined for a valid text.
 */
export function brokenTextRule(text: string): string | undefined {
  if (!text.isWellFormed()) return 'the text contains half of a surrogate pair, which is not a character';
  return text.includes('\0') ? 'the text contains a NUL character' : undefined;
}

const REPLACED =
  'the character "\uFFFD" replaces one that could not be kept when the row was rejected: write the intended character';

/**
 * Throws BrokenRule for a record with such a text anywhere, including its column names. In our own rejects.csv also
 * for the character that replaces such a text.
 */
export function refuseBrokenText(record: SourceRecord, columns: SheetColumns): void {
  for (const [index, value] of record.values.entries()) {
    const broken = brokenIn(value) ?? (columns.isRejects ? replacedIn(value) : undefined);
    if (broken) throw new BrokenRule(columns.names[index] ?? '', broken.text, broken.rule, 'text');
  }
  if (!columns.hasBrokenName) return;
  for (const name of columns.names) {
    const rule = brokenTextRule(name);
    if (rule !== undefined)
      throw new BrokenRule(wholeText(name), '', `its name is not allowed: ${rule}`, 'text');
  }
}

/** A text with the replacement character for everything that must not be written to files. */
export function wholeText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** The same for all texts in a value, including keys. */
export function wholeValue(value: JsonValue): JsonValue {
  if (typeof value === 'string') return wholeText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map(wholeValue);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [wholeText(key), wholeValue(inner)]));
}

interface BrokenText {
  readonly text: string;
  readonly rule: string;
}

function brokenIn(value: JsonValue | undefined): BrokenText | undefined {
  if (typeof value === 'string') {
    const rule = brokenTextRule(value);
    return rule === undefined ? undefined : { text: value, rule };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const inner of isList(value) ? value : Object.entries(value).flat()) {
    const broken = brokenIn(inner);
    if (broken) return broken;
  }
  return undefined;
}

function replacedIn(value: JsonValue | undefined): BrokenText | undefined {
  return typeof value === 'string' && value.includes('\uFFFD') ? { text: value, rule: REPLACED } : undefined;
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}
