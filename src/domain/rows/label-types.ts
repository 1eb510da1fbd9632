import { jsonAsText, type JsonValue } from '../text/json.js';

/**
 * How the values of a carried column are written where columns have types. `json`: lists and objects, as JSON text.
 * `mixed`: values of several kinds, or whole numbers beyond 2^53; text stays as it is, everything else is JSON text.
 */
export type ColumnType = 'string' | 'bool' | 'int64' | 'float64' | 'json' | 'mixed';

/** A value of a typed column: what a column of numbers, booleans or text takes; null where a row has none. */
export type Cell = string | number | boolean | null;

type ValueKind = 'bool' | 'int' | 'big' | 'float' | 'string' | 'nested';

/** Finds the type of every carried column that keeps all of its values, by looking at each of them once. */
export class LabelTypes {
  readonly #kinds = new Map<string, Set<ValueKind>>();

  /** `known`: columns that are there even if no row has a value, and come first. */
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

  /** The columns in the order in which they were met; one without any value is text. */
  get columns(): readonly { readonly label: string; readonly type: ColumnType }[] {
    return Array.from(this.#kinds, ([label, kinds]) => ({ label, type: typeOf(kinds) }));
  }
}

/** A value as a column of `type` takes it, which must be one that `LabelTypes` has found for it. */
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
  // Beside fractions a large number is one of floating point, and that is exactly what was read.
  if (only('int', 'big', 'float') && kinds.has('float')) return 'float64';
  return only('nested') ? 'json' : 'mixed';
}
