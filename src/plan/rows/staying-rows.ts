import { IdLines } from '../../domain/identity/id-lines.js';
import type { PromptRow } from '../../domain/rows/row.js';
import { foldedName } from '../../domain/images/taken-names.js';
import type { StayingRows } from '../../sheet/index.js';
import type { RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { rowsAfterRun, type LeftRow } from '../../ledger/run-rows.js';

/** The rows of a batch that a sheet's rejected records stand for, by their ids or lines. */
export class RejectedStandIns {
  readonly #ids = new Set<string>();
  readonly #lines = new Set<number>();

  add(stays: StayingRows | undefined): void {
    if (stays?.by === 'id') this.#ids.add(stays.id);
    if (stays?.by === 'line') this.#lines.add(stays.line);
  }

  get isEmpty(): boolean {
    return this.#ids.size + this.#lines.size === 0;
  }

  /** Some are known only by line, which proves nothing if the sheet's lines have moved. */
  get needLines(): boolean {
    return this.#lines.size > 0;
  }

  /** An id stands for all images of its record. */
  has({ rowId, line }: LeftRow['row']): boolean {
    return this.#ids.has(rowId) || this.#ids.has(rowId.replace(/~[1-9]\d*$/, '')) || this.#lines.has(line);
  }
}

/** The lines and image names of a sheet's rows, in a few bytes a row. */
export class SheetPlaces {
  readonly lines = new IdLines();
  readonly names = new IdLines();

  add({ rowId, imageName, line }: Pick<PromptRow, 'rowId' | 'imageName' | 'line'>): void {
    this.lines.claim(rowId, line);
    this.names.claim(foldedName(imageName), line);
  }
}

/**
 * The rows of a batch that stay although its sheet lacks them, because rejected records stand for them: since their
 * intent is unknown, nothing may be removed. In the batch's order.
 *
 * If a record is known only by line and rows have moved to other lines, all rows that the sheet lacks stay. A row
 * does not stay if a row of the sheet has its image's name. Throws StorageError.
 */
export async function rowsThatStay({
  store,
  base,
  lacks,
  standIns,
  places: { lines, names },
}: {
  readonly store: ObjectStore;
  readonly base: RunRef;
  /** The ids of the rows that the sheet lacks. */
  readonly lacks: ReadonlyMap<string, unknown>;
  readonly standIns: RejectedStandIns;
  /** Of all rows of the sheet. */
  readonly places: SheetPlaces;
}): Promise<readonly LeftRow[]> {
  if (standIns.isEmpty || lacks.size === 0) return [];
  const stay: LeftRow[] = [];
  const others: LeftRow[] = [];
  let hasMoved = false;
  for await (const known of rowsAfterRun(store, base)) {
    const { row } = known;
    if (!lacks.has(row.rowId)) hasMoved ||= (lines.lineOf(row.rowId) ?? row.line) !== row.line;
    else if (names.has(foldedName(row.imageName))) continue;
    else if (standIns.has(row)) stay.push(known);
    else if (standIns.needLines) others.push(known);
  }
  if (!hasMoved) return stay;
  return [...stay, ...others].toSorted((a, b) => a.row.position - b.row.position);
}
