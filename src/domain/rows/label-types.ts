import { jsonAsText, type JsonValue } from '../text/json.js';

/**
 * The type of a carried column in typed formats. `json`: lists and objects, as JSON text. `mixed`: values of several
 * kinds, or whole numbers beyond 2^53; text is unchanged, everything else is JSON text.
 */
export type ColumnType = 'string' | 'bool' | 'int64' | 'float64' | 'json' | 'mixed';

/** A value of a typed column; null if a row has none. */
export type Cell = string | number | boolean | null;

type ValueKind = 'bool' | 'int' | 'big' | 'float' | 'string' | 'nested';

/** Finds a lossless type for every carried column, reading each value once. */
export class LabelTypes {
  readonly #kinds = new Map<string, Set<ValueKind>>();

  /** `known`: columns that exist even without values; they come first. */
  constructor(known: readonly string[] = []) {
    for (const label of known) this.#kinds.set(label, new Set());
  }

  note(labels: Readonly<Record<string, JsonValue>>): void {
    for (const [label, value] of Object.entries(labels)) {
      let kinds = this.#kinds.get(label);
      if (!kinds) this.#kinds.set(label, (kinds = new Set()));
      const kind = kindOf(value);
      if (kind) kinds.add(kind);
    }
  }

  /** The columns in order of appearance; one without any value is text. */
  get columns(): readonly { readonly label: string; readonly type: ColumnType }[] {
    return Array.from(this.#kinds, ([label, kinds]) => ({ label, type: typeOf(kinds) }));
  }
}

/** A value converted to a column's `type`, which `LabelTypes` must have found for it. */
export function cellOf(type: ColumnType, value: JsonValue | undefined): Cell {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'object') return jsonAsText(value);
  return type === 'mixed' ? jsonAsText(value) : value;
}

function kindOf(value: JsonValue): ValueKind | undefined {
  if (value === null) return undefined;
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'object') return 'nested';
  if (Number.isSafeInteger(value)) return 'int';
  return Number.isInteger(value) ? 'big' : 'float';
}

function typeOf(kinds: ReadonlySet<ValueKind>): ColumnType {
  const only = (...allowed: readonly ValueKind[]): boolean =>
    [...kinds].every((kind) => allowed.includes(kind));
  if (only('string')) return 'string';
  if (only('bool')) return 'bool';
  if (only('int')) return 'int64';
  // Beside fractions a large whole number is a floating-point number, exactly as it was read.
  if (only('int', 'big', 'float') && kinds.has('float')) return 'float64';
  return only('nested') ? 'json' : 'mixed';
}
