import { MODELS, MOST_INPUT_BYTES, rulesFor, type Model } from '../../domain/rows/generation-settings.js';
import {
  inputImagesCell,
  inputImagesIn,
  publicAddress,
  uploadedInput,
} from '../../domain/rows/input-image.js';
import type { JsonValue } from '../../domain/text/json.js';
import type { ImageType } from '../../domain/rows/outcome.js';
import { BrokenRule, cellText } from '../cells/cells.js';
import { cellOf, type Cell } from '../cells/cell.js';
import type { SheetColumns } from '../cells/sheet-columns.js';
import type { SourceRecord } from '../source-record.js';

/** A file or object that a sheet names as an input image: its type by its bytes, or the rule that it breaks. */
export type FoundInput =
  | {
      readonly kind: 'image';
      /** Lower-case hex. */
      readonly sha256: string;
      readonly type: ImageType;
      readonly sizeBytes: number;
    }
  | { readonly kind: 'broken'; readonly rule: string };

/** The files and objects that a sheet names as input images, by the sheet's names of them. */
export interface InputImages {
  /** Checks those that were not checked before. */
  prepare(references: readonly string[]): Promise<void>;
  /** The result for a prepared one. */
  find(reference: string): FoundInput | undefined;
}

const MOST_OF_ANY_MODEL = Math.max(...MODELS.map((model) => rulesFor(model, 'image').inputImages.most));
const MOST_MEGABYTES = MOST_INPUT_BYTES / 1_000_000;

const WHAT_IT_IS =
  'an input image must be an http(s) URL, a path, or s3://bucket/key; separate several by spaces or |, and put a path with spaces in quotes';

/** The files and objects that a record names as input images, without those that its rules refuse anyway. */
export function inputReferences({
  record,
  columns,
}: {
  readonly record: SourceRecord;
  readonly columns: SheetColumns;
}): readonly string[] {
  if (!columns.ours.has('input_images')) return [];
  const entries = entriesOf(cellOf(record, columns, 'input_images').value);
  if (entries === undefined || entries.length > MOST_OF_ANY_MODEL) return [];
  return entries.filter((entry) => !hasScheme(entry) || isObject(entry));
}

/** The input images of a record in the form of its rows: http(s) URLs unchanged, all others by their content. Throws BrokenRule. */
export function inputImagesOf(
  { name, value }: Cell,
  { model, inputs }: { readonly model: Model; readonly inputs: InputImages | undefined },
): readonly string[] {
  const { most } = rulesFor(model, 'image').inputImages;
  const entries = entriesOf(value);
  if (entries === undefined) {
    throw new BrokenRule(name, JSON.stringify(value), `${name} must be text or a list of texts`);
  }
  if (entries.length > most) {
    throw new BrokenRule(
      name,
      String(entries.length),
      `a row may have at most ${most} input images, not ${entries.length}; ${WHAT_IT_IS}`,
    );
  }
  let sizeBytes = 0;
  return entries.map((entry) => {
    const broken = (rule: string): BrokenRule => new BrokenRule(name, publicAddress(entry), rule);
    if (hasScheme(entry) && !isObject(entry)) {
      const rule = brokenUrlRule(entry);
      if (rule !== undefined) throw broken(rule);
      return entry;
    }
    const found = inputs?.find(entry) ?? NOT_FOUND;
    if (found.kind === 'broken') throw broken(found.rule);
    sizeBytes += found.sizeBytes;
    if (sizeBytes > MOST_INPUT_BYTES) {
      throw broken(
        `the input images of a row may have at most ${MOST_MEGABYTES} MB together; with this one they have more`,
      );
    }
    return uploadedInput(found);
  });
}

const NOT_FOUND: FoundInput = {
  kind: 'broken',
  rule: 'this file was not checked when the sheet was submitted: submit the sheet again with this version of banana-batch',
};

/** A cell that lists input images, without the possibly secret parts of their URLs; unchanged without URLs. */
export function publicInputs(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(publicInputs);
  if (typeof value !== 'string') return value;
  const entries = inputImagesIn(value);
  const shown = entries.map(publicAddress);
  return shown.every((entry, index) => entry === entries[index]) ? value : inputImagesCell(shown);
}

/** The list in a cell; undefined if it is neither a text nor a list of texts. */
function entriesOf(value: Cell['value']): readonly string[] | undefined {
  if (Array.isArray(value)) {
    const texts = value.flatMap((entry) => (typeof entry === 'string' ? [entry.trim()] : []));
    return texts.length === value.length ? texts.filter((text) => text !== '') : undefined;
  }
  const text = cellText(value);
  return text === undefined ? undefined : inputImagesIn(text);
}

function hasScheme(entry: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/|(?:data|file|blob):)/i.test(entry);
}

function isObject(entry: string): boolean {
  return /^s3:\/\//i.test(entry);
}

function brokenUrlRule(entry: string): string | undefined {
  if (!/^https?:\/\//i.test(entry)) return WHAT_IT_IS;
  if (!URL.canParse(entry) || /\s/.test(entry)) {
    return 'not a valid URL: expected https://host/path, with spaces written as %20';
  }
  const { username, password } = new URL(entry);
  return username + password === ''
    ? undefined
    : 'the URL of an input image must not contain a user and password, which the service would get: use a presigned URL, or a file';
}

/** The source of a sheet's bytes. */
export interface SheetSource {
  /** Path, URL or `-`: the extension determines the format, and messages use it. */
  readonly name: string;
  /** The files and objects that it names as input images; if absent, it can name none. */
  readonly inputs?: InputImages | undefined;
  /** Aborts the reading, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}
