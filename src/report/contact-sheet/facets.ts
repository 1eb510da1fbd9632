import type { RowOutcome } from '../../domain/rows/outcome.js';
import type { PromptRow } from '../../domain/rows/row.js';
import { labelTexts } from './row.js';

/** Columns with more values than this can be searched but not filtered by. */
const MOST_VALUES = 200;
const LONGEST_VALUE = 100;
/** Maximum number of carried columns that become filters; each takes a byte a row. */
const MOST_COLUMNS = 40;

/** A property by which a contact sheet can be filtered. */
export interface Facet {
  /** Its key in the page's URL. Those of carried columns start with `label.`. */
  readonly key: string;
  readonly title: string;
  /** Each with its code and the number of rows that have it. */
  readonly values: readonly { readonly text: string; readonly code: number; readonly rows: number }[];
  /** The rows' codes, a byte each, in order. */
  readonly codes: Uint8Array;
}

/** Finds the properties by which a batch's rows can be filtered: outcomes, settings, and carried columns with few values. */
export class FacetCollector {
  readonly #own = {
    outcome: new ColumnCodes('outcome', 'Outcome'),
    model: new ColumnCodes('model', 'Model'),
    aspectRatio: new ColumnCodes('aspect_ratio', 'Aspect ratio'),
    resolution: new ColumnCodes('resolution', 'Resolution'),
  };
  readonly #labels = new Map<string, ColumnCodes>();
  #rows = 0;

  add(row: PromptRow, { end }: RowOutcome): void {
    const at = this.#rows++;
    this.#own.outcome.note(at, end.kind === 'failed' ? end.failure : end.kind);
    this.#own.model.note(at, row.model);
    this.#own.aspectRatio.note(at, row.aspectRatio);
    this.#own.resolution.note(at, row.resolution);
    for (const [name, text] of labelTexts(row)) {
      if (!this.#labels.has(name) && this.#labels.size < MOST_COLUMNS)
        this.#labels.set(name, new ColumnCodes(`label.${name}`, name));
      this.#labels.get(name)?.note(at, text);
    }
  }

  /** Those in which rows differ and that several of them share. */
  facets(): readonly Facet[] {
    const columns = [...Object.values(this.#own), ...this.#labels.values()];
    return columns.flatMap((column) => column.facet(this.#rows) ?? []);
  }
}

/** A column's values by row, while they are few. Rows that were not added have the empty value, with code 0. */
class ColumnCodes {
  readonly #key: string;
  readonly #title: string;
  readonly #codeOf = new Map<string, number>([['', 0]]);
  readonly #rowsOf: number[] = [0];
  #codes: Uint8Array<ArrayBuffer> | undefined = new Uint8Array(1 << 10);

  constructor(key: string, title: string) {
    this.#key = key;
    this.#title = title;
  }

  note(row: number, text: string): void {
    if (!this.#codes) return;
    const code = this.#codeOf.get(text) ?? this.#codeOf.size;
    if (code > MOST_VALUES || text.length > LONGEST_VALUE) {
      this.#codes = undefined;
      return;
    }
    this.#codeOf.set(text, code);
    this.#rowsOf[code] = (this.#rowsOf[code] ?? 0) + 1;
    this.#codes = grown(this.#codes, row + 1);
    this.#codes[row] = code;
  }

  facet(rows: number): Facet | undefined {
    const codes = this.#codes;
    if (!codes) return undefined;
    const noted = this.#rowsOf.reduce((sum, count) => sum + count, 0);
    const values = [...this.#codeOf]
      .map(([text, code]) => ({
        text,
        code,
        rows: (this.#rowsOf[code] ?? 0) + (code === 0 ? rows - noted : 0),
      }))
      .filter((value) => value.rows > 0)
      .toSorted((a, b) => a.text.localeCompare(b.text, 'en', { numeric: true }));
    if (values.length < 2 || values.length === rows) return undefined;
    const key = this.#key;
    return { key, title: this.#title, values, codes: grown(codes, rows).subarray(0, rows) };
  }
}

function grown(codes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (length <= codes.length) return codes;
  const larger = new Uint8Array(Math.max(length, codes.length * 2));
  larger.set(codes);
  return larger;
}
