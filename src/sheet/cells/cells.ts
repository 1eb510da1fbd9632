import type { JsonValue } from '../../domain/text/json.js';
import {
  resolutionsFor,
  RESOLUTIONS,
  rulesFor,
  type InputMode,
  type Model,
  type Resolution,
} from '../../domain/rows/generation-settings.js';
import { KEEP_AS_TEXT, rewrittenAs } from './rewritten-id.js';

/** A checked cell: its value, or the rule that it breaks as a sentence for users. */
export type Checked<T> =
  | { readonly kind: 'good'; readonly value: T }
  | { readonly kind: 'broken'; readonly rule: string };

/** A cell's text: empty for an absent one, undefined for a list or an object. */
export function cellText(value: JsonValue | undefined): string | undefined {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** Model names as users write them, in lower case without spaces and punctuation. */
const MODEL_ALIASES = new Map<string, Model>([
  ['nb', 'nb'],
  ['nb1', 'nb'],
  ['nanobanana', 'nb'],
  ['nanobanana1', 'nb'],
  ['nb2', 'nb2'],
  ['nanobanana2', 'nb2'],
  ['pro', 'pro'],
  ['nbpro', 'pro'],
  ['nanobananapro', 'pro'],
]);

const MODEL_NAMES: Readonly<Record<Model, string>> = {
  nb: 'NanoBanana',
  nb2: 'NanoBanana 2',
  pro: 'NanoBanana Pro',
};

/** The model that a text names: `nb2`, `NanoBanana 2`, `nano-banana-2`, … in any letter case; undefined if there is none. */
export function parseModel(text: string): Model | undefined {
  return MODEL_ALIASES.get(text.toLowerCase().replace(/[\s._-]+/g, ''));
}

/** The model of a row; `fallback` for a blank cell. */
export function checkModel(text: string, fallback: Model): Checked<Model> {
  if (text.trim() === '') return { kind: 'good', value: fallback };
  const model = parseModel(text);
  if (model !== undefined) return { kind: 'good', value: model };
  return {
    kind: 'broken',
    rule: 'model must be nb (NanoBanana), nb2 (NanoBanana 2) or pro (NanoBanana Pro)',
  };
}

/** The aspect ratio of a row, as the service writes it; `fallback` for a blank cell. */
export function checkAspectRatio(
  text: string,
  { model, mode }: { readonly model: Model; readonly mode: InputMode },
  fallback: string,
): Checked<string> {
  const given = text.trim() === '' ? fallback : text;
  const ratio = given.toLowerCase().replace(/\s+/g, '');
  const allowed = rulesFor(model, mode).aspectRatios;
  if (allowed.includes(ratio)) return { kind: 'good', value: ratio };
  const rule = `aspect_ratio of ${MODEL_NAMES[model]} must be one of ${allowed.join(' ')}`;
  if (ratio === 'auto') {
    const needs = mode === 'text' ? 'auto needs input images' : 'auto works only with nb2 and pro';
    return { kind: 'broken', rule: `${rule}; ${needs}` };
  }
  if (/^\d+:(?:\d\d(?::\d\d)?|\d:\d\d)(?:am|pm)?$/.test(ratio) || /^\d*[.,]\d+$/.test(ratio)) {
    const number = ratio.includes(':') ? '' : ' (16:9 becomes 16:09, and that 0.672916667)';
    return {
      kind: 'broken',
      rule: `${rule}; if a spreadsheet turned it into a time${number}, ${KEEP_AS_TEXT}`,
    };
  }
  if (rewrittenAs(given.trim()) === 'a date') {
    return { kind: 'broken', rule: `${rule}; if a spreadsheet turned it into a date, ${KEEP_AS_TEXT}` };
  }
  return { kind: 'broken', rule };
}

/** The resolution of a row; `fallback` for a blank cell. NanoBanana makes only 1K: it ignores the fallback, but a cell that requests more is an error. */
export function checkResolution(text: string, model: Model, fallback: Resolution): Checked<Resolution> {
  const given = text.trim().toUpperCase();
  const allowed = resolutionsFor(model);
  if (given === '') return { kind: 'good', value: allowed.includes(fallback) ? fallback : '1K' };
  const resolution = RESOLUTIONS.find((known) => known === given);
  if (resolution !== undefined && allowed.includes(resolution)) return { kind: 'good', value: resolution };
  const remedy = model === 'nb' ? '; leave it blank, or use nb2 or pro' : '';
  return { kind: 'broken', rule: `resolution of ${MODEL_NAMES[model]} must be ${orList(allowed)}${remedy}` };
}

const MAX_COUNT = 1000;

/** The number of images of a row; `fallback` for a blank cell. Tables with gaps turn a 3 into `3.0`. */
export function checkCount(text: string, fallback: number): Checked<number> {
  const given = text.trim();
  if (given === '') return { kind: 'good', value: fallback };
  const count = Number(/^(\d{1,9})(?:[.,]00?)?$/.exec(given)?.[1] ?? 0);
  if (count >= 1 && count <= MAX_COUNT) return { kind: 'good', value: count };
  return { kind: 'broken', rule: `count must be a whole number from 1 to ${MAX_COUNT}` };
}

function orList(values: readonly string[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

/** A rule that a record breaks; only the first one is reported. */
export class BrokenRule extends Error {
  readonly column: string;
  readonly value: string;
  /**
   * What broke: the text itself, which must not be written to files unchanged; the cell's formula, whose value is
   * unknown; the record, which is not a row at all. Undefined for every other rule.
   */
  readonly fault: 'text' | 'formula' | 'no-row' | undefined;

  constructor(column: string, value: string, rule: string, fault?: BrokenRule['fault']) {
    super(rule);
    this.column = column;
    this.value = value;
    this.fault = fault;
  }
}
