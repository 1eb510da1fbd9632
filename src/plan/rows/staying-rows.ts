import { IdLines } from '../../domain/identity/id-lines.js';
import type { PromptRow } from '../../domain/rows/row.js';
import { foldedName } from '../../domain/images/taken-names.js';
import type { StayingRows } from '../../sheet/index.js';
import type { RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { rowsAfterRun, type LeftRow } from '../../ledger/run-rows.js';

/** Which rows of a batch a sheet's rejected records stand for, as they say it. */
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

  /** Some are known by their lines alone, which tell nothing where the sheet's lines have moved. */
  get needLines(): boolean {
    return this.#lines.size > 0;
  }

  /** An id stands for all images of its record. */
  has({ rowId, line }: LeftRow['row']): boolean {
    return this.#ids.has(rowId) || this.#ids.has(rowId.replace(/~[1-9]\d*$/, '')) || this.#lines.has(line);
  }
}

/** On which lines a sheet has its rows, and which names it gives to their images; in a few bytes a row. */
export class SheetPlaces {
  readonly lines = new IdLines();
  readonly names = new IdLines();

  add({ rowId, imageName, line }: Pick<PromptRow, 'rowId' | 'imageName' | 'line'>): void {
    this.lines.claim(rowId, line);
    this.names.claim(foldedName(imageName), line);
  }
}

/**
 * The rows of a batch that stay though its sheet lacks them, since rejected records stand for them: what those mean
 * no one knows, so that nothing may be removed for them. In the batch's order.
 *
 * Where a record is known by its line alone and rows have moved to other lines, all rows stay that the sheet lacks. A row
 * whose image's name a row of the sheet has does not stay. Throws StorageError.
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
