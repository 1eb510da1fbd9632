import type { JsonValue } from '../text/json.js';
import { INPUT_COLUMNS, type InputColumn } from './reserved-columns.js';
import type { LeftOutRecord, PromptRow } from './row.js';

/** A column of a batch's sheet. */
export interface SheetColumn {
  /** Unlike all others of the sheet. */
  readonly name: string;
  /** What the header says, where that is not the name: nothing for a column without one. */
  readonly title?: string;
  /** The column of ours that it is. */
  readonly ours?: InputColumn;
}

/**
 * The columns of a batch: those of its first sheet, then what others add that join it. Names are one column in any case
 * of letters, and columns that are the same one of ours are one whatever they are called.
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

  /** Columns that turned up with a row: late keys of JSON Lines. `onlyLabels`: its sheet is one of our reports. */
  addRow({ labels, given }: Pick<PromptRow, 'labels' | 'given'>, onlyLabels: boolean): void {
    for (const name of Object.keys(labels)) if (!this.#names.has(folded(name))) this.add({ name });
    if (onlyLabels || given === undefined) return;
    for (const ours of INPUT_COLUMNS) {
      if (!this.#ours.has(ours) && given[ours] !== undefined) this.add({ name: ours, ours });
    }
  }

  /** Columns that turned up with a record of which no row was made, with something in them. */
  addRecord({ record, ours = {} }: Pick<LeftOutRecord, 'record' | 'ours'>): void {
    const named = new Set<string>(Object.values(ours));
    for (const [name, cell] of Object.entries(record)) {
      if (cell !== '' && !named.has(name)) this.add({ name });
    }
  }
}

/** What a row's record says in a column, as the sheet writes it. */
export function cellOfRow(
  row: Pick<PromptRow, 'prompt' | 'labels' | 'labelTexts' | 'given'>,
  { name, ours }: SheetColumn,
): JsonValue | undefined {
  const given = ours === undefined ? undefined : row.given?.[ours];
  if (given !== undefined) return given;
  for (const cells of [row.labelTexts ?? {}, row.labels]) if (Object.hasOwn(cells, name)) return cells[name];
  return ours === 'prompt' ? row.prompt : undefined;
}

/** What a record of which no row was made says in the columns. */
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
