import { imageNameIn } from '../../domain/images/image-name.js';
import type { PromptRow } from '../../domain/rows/row.js';

/** The fields of a row by which a text may name it. */
export type NamedRow = Pick<PromptRow, 'rowId' | 'imageName' | 'line' | 'tableRow'>;

/**
 * The possible meanings of a text that names a row: an id, the name of an image (with or without its extension, also
 * as a key), or a line of the sheet. The prefixes `id:`, `name:` and `line:` select one.
 */
interface RowReference {
  readonly ids: readonly string[];
  readonly names: readonly string[];
  readonly line: number | undefined;
}

function rowReference(given: string): RowReference {
  const text = given.trim();
  const [, by, rest = ''] = /^(id|name|line):\s*(.+)$/is.exec(text) ?? [];
  switch (by?.toLowerCase()) {
    // An id may itself begin with such a prefix.
    case 'id':
      return { ids: [text, rest], names: [], line: undefined };
    case 'name':
      return { ids: [text], names: [nameIn(rest)], line: undefined };
    case 'line':
      return { ids: [text], names: [], line: lineIn(rest) };
    default:
      return { ids: [text], names: [nameIn(text)], line: lineIn(text) };
  }
}

function nameIn(text: string): string {
  return imageNameIn(text.replace(/^(?:.*\/)?images\/train\//s, ''));
}

function lineIn(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

/** The row that a text names. */
export type RowAnswer<Row extends NamedRow> =
  | {
      readonly kind: 'found';
      readonly row: Row;
      /** Another row on the line of that number; undefined if the text can't be a line. */
      readonly onLine?: Row;
    }
  /** Several rows, of which the first are listed. */
  | { readonly kind: 'ambiguous'; readonly rows: readonly Row[]; readonly count: number }
  | { readonly kind: 'missing' };

const MOST_TOLD = 5;

/**
 * Finds the rows that texts name among all rows of a batch, which are passed to it one by one. An id or an image name
 * takes precedence over a line, so that numeric ids keep working.
 */
export class RowFinder<Row extends NamedRow> {
  readonly #wanted = new Map<string, WantedRow<Row>>();
  readonly #byId = new Map<string, WantedRow<Row>[]>();
  readonly #byName = new Map<string, WantedRow<Row>[]>();
  readonly #byLine = new Map<number, WantedRow<Row>[]>();

  constructor(texts: Iterable<string>) {
    for (const text of texts) {
      if (this.#wanted.has(text)) continue;
      const wanted = new WantedRow<Row>();
      this.#wanted.set(text, wanted);
      const { ids, names, line } = rowReference(text);
      for (const id of ids) add(this.#byId, id, wanted);
      for (const name of names) add(this.#byName, name, wanted);
      if (line !== undefined) add(this.#byLine, line, wanted);
    }
  }

  /** Checks a row; `rowOf` is called if a text may name it. */
  consider(named: NamedRow, rowOf: () => Row): void {
    const byName = [...(this.#byId.get(named.rowId) ?? []), ...(this.#byName.get(named.imageName) ?? [])];
    for (const wanted of byName) wanted.called.add(rowOf());
    for (const wanted of this.#byLine.get(named.line) ?? []) wanted.onLine.add(rowOf());
  }

  /** The row of each text, once all rows were considered. */
  *answers(): Generator<readonly [text: string, answer: RowAnswer<Row>]> {
    for (const [text, wanted] of this.#wanted) yield [text, wanted.answer()];
  }
}

function add<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

class WantedRow<Row extends NamedRow> {
  readonly called = new DistinctRows<Row>();
  readonly onLine = new DistinctRows<Row>();

  answer(): RowAnswer<Row> {
    const found = this.called.count > 0 ? this.called : this.onLine;
    const [row] = found.rows;
    if (!row) return { kind: 'missing' };
    if (found.count > 1) return { kind: 'ambiguous', ...found.shown() };
    const other = this.onLine.rows.find(({ rowId }) => rowId !== row.rowId);
    return { kind: 'found', row, ...(other && { onLine: other }) };
  }
}

class DistinctRows<Row extends NamedRow> {
  readonly #rows = new Map<string, Row>();

  get count(): number {
    return this.#rows.size;
  }

  get rows(): readonly Row[] {
    return [...this.#rows.values()];
  }

  add(row: Row): void {
    this.#rows.set(row.rowId, row);
  }

  shown(): { readonly rows: readonly Row[]; readonly count: number } {
    return { rows: this.rows.slice(0, MOST_TOLD), count: this.count };
  }
}
