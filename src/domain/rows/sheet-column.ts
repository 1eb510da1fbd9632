import type { JsonValue } from '../text/json.js';
import { INPUT_COLUMNS, type InputColumn } from './columns.js';
import type { LeftOutRecord, PromptRow } from './row.js';

/** A column of a batch's sheet. */
export interface SheetColumn {
  /** Unique in the sheet. */
  readonly name: string;
  /** The header's text if it differs from the name: empty for a column without one. */
  readonly title?: string;
  /** Which column of ours it is. */
  readonly ours?: InputColumn;
}

/**
 * The columns of a batch: those of its first sheet, then those that later sheets add. Names that differ only in
 * letter case are one column, and so are all names of the same column of ours.
 */
export class SheetColumnList {
  readonly #columns: SheetColumn[] = [];
  readonly #names = new Map<string, number>();
  readonly #ours = new Set<InputColumn>();

  constructor(before: readonly SheetColumn[] = []) {
    for (const column of before) this.add(column);
  }

  get columns(): readonly SheetColumn[] {
    return this.#columns;
  }

  add(column: SheetColumn): void {
    const { name, ours } = column;
    if (ours !== undefined && this.#ours.has(ours)) return;
    const known = this.#names.get(folded(name));
    if (ours !== undefined) this.#ours.add(ours);
    if (known === undefined) {
      this.#names.set(folded(name), this.#columns.length);
      this.#columns.push(column);
    } else if (ours !== undefined && this.#columns[known]?.ours === undefined) {
      this.#columns[known] = { ...this.#columns[known], name, ours };
    }
  }

  /** Adds columns that a row introduced: late keys of JSON Lines. `onlyLabels`: its sheet is one of our reports. */
  addRow({ labels, given }: Pick<PromptRow, 'labels' | 'given'>, onlyLabels: boolean): void {
    for (const name of Object.keys(labels)) if (!this.#names.has(folded(name))) this.add({ name });
    if (onlyLabels || given === undefined) return;
    for (const ours of INPUT_COLUMNS) {
      if (!this.#ours.has(ours) && given[ours] !== undefined) this.add({ name: ours, ours });
    }
  }

  /** Adds non-empty columns that a record without a row introduced. */
  addRecord({ record, ours = {} }: Pick<LeftOutRecord, 'record' | 'ours'>): void {
    const named = new Set<string>(Object.values(ours));
    for (const [name, cell] of Object.entries(record)) {
      if (cell !== '' && !named.has(name)) this.add({ name });
    }
  }
}

/** The cell of a row's record in a column, as in the sheet. */
export function cellOfRow(
  row: Pick<PromptRow, 'prompt' | 'labels' | 'labelTexts' | 'given'>,
  { name, ours }: SheetColumn,
): JsonValue | undefined {
  const given = ours === undefined ? undefined : row.given?.[ours];
  if (given !== undefined) return given;
  for (const cells of [row.labelTexts ?? {}, row.labels]) if (Object.hasOwn(cells, name)) return cells[name];
  return ours === 'prompt' ? row.prompt : undefined;
}

/** The cells of a record without a row. */
export function cellsOfRecord(
  { record, texts, ours = {} }: Pick<LeftOutRecord, 'record' | 'texts' | 'ours'>,
  columns: readonly SheetColumn[],
): readonly (JsonValue | undefined)[] {
  const cells = new Map(Object.entries({ ...record, ...texts }).map(([name, cell]) => [folded(name), cell]));
  return columns.map((column) => {
    const name = (column.ours === undefined ? undefined : ours[column.ours]) ?? column.name;
    return cells.get(folded(name));
  });
}

function folded(name: string): string {
  return name.trim().toLowerCase();
}
