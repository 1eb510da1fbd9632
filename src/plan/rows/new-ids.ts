import type { RecordPlace } from '../../sheet/record-place.js';
import type { RejectedRecord } from '../../domain/rows/row.js';
import { presentRowId } from '../../domain/identity/row-id.js';
import { isScientific, plainNumber, rewrittenAs } from '../../sheet/cells/rewritten-id.js';
import type { PlannedItem } from './planned-rows.js';
import type { SheetItem } from '../../sheet/index.js';

/** An id of a sheet and its place. */
export interface IdOnLine extends RecordPlace {
  readonly id: string;
}

/** A number of ids, and the first of them. */
export interface CountedIds {
  readonly count: number;
  readonly first: readonly IdOnLine[];
}

/** Ids in our own failures.csv or rejects.csv that are not rows of its batch. */
export interface NewIds {
  /** Ids that a spreadsheet seems to have reformatted as numbers. */
  readonly numbers: CountedIds;
  /** Ids that are dates, or that a spreadsheet seems to have reformatted as dates. */
  readonly dates: CountedIds;
  readonly others: CountedIds;
}

const NONE: CountedIds = { count: 0, first: [] };
/** For a sheet that is not one of our reports. */
export const NO_NEW_IDS: NewIds = { numbers: NONE, dates: NONE, others: NONE };

const SHOWN_IDS = 5;

/**
 * Finds the new ids of our own reports during planning. Such a file is a part of its batch: an id that is not one of
 * the batch's rows would buy an image that the batch may have under another id.
 *
 * Remembers the sheet's ids, as the merge of such a file does anyway, and none of the batch's.
 */
export class NewIdsFinder {
  readonly #unknown = new Map<string, RecordPlace & { readonly rejectedLine: number | undefined }>();
  /** Ids of the sheet that equal an id of the batch as numbers, such as 7 for 007. */
  readonly #numbers = new Set<string>();
  /** Lines of records that the batch rejected because of their ids. */
  readonly #linesOfWrongIds = new Set<number>();
  #isReport = false;

  /** Adds an item of the sheet; before what is planned for it. */
  addSheetItem(item: SheetItem): void {
    if (item.kind === 'header') this.#isReport = item.header.isFailures || item.header.isRejects;
    if (item.kind !== 'row' || !this.#isReport) return;
    const { line, tableRow } = item.row;
    const { id, rejectedLine } = item.own;
    if (id !== undefined && !this.#unknown.has(id)) this.#unknown.set(id, { line, tableRow, rejectedLine });
  }

  /** Adds a planned item: a row that the batch has is not new. */
  addPlanned(item: PlannedItem): void {
    if (item.kind === 'sheet') this.addSheetItem(item.item);
    if (!this.#isReport || item.kind !== 'planned' || !item.before) return;
    const { rowId } = item.row;
    this.#unknown.delete(rowId);
    // Several images of one record have its id with a number appended.
    this.#unknown.delete(rowId.replace(/~[1-9]\d*$/, ''));
    const present = presentRowId(rowId);
    if (present !== undefined && !item.isKept) this.#unknown.delete(present);
    this.#noteNumber(rowId);
  }

  /**
   * Adds a record that the batch has as rejected, after everything planned: its id is not new, and if the id was
   * rejected, the record may return with another. `idColumn` is the id column of its sheet, in lower case.
   */
  addRejected({ record, column, line }: RejectedRecord, idColumn: string): void {
    if (column.toLowerCase() === idColumn) this.#linesOfWrongIds.add(line);
    const [, cell] = Object.entries(record).find(([name]) => name.toLowerCase() === idColumn) ?? [];
    if (typeof cell !== 'string') return;
    const id = cell.trim();
    if (!isScientific(id)) this.#unknown.delete(id);
    this.#noteNumber(id);
  }

  /** The new ids in sheet order. */
  found(): NewIds {
    const numbers = new IdCounter();
    const dates = new IdCounter();
    const others = new IdCounter();
    for (const [id, { line, tableRow, rejectedLine }] of this.#unknown) {
      const isCorrection = rejectedLine !== undefined && this.#linesOfWrongIds.has(rejectedLine);
      const looksLike = rewrittenAs(id);
      if (looksLike === 'a number' || this.#numbers.has(id)) numbers.add({ id, line, tableRow });
      else if (looksLike === 'a date') dates.add({ id, line, tableRow });
      else if (!isCorrection) others.add({ id, line, tableRow });
    }
    return { numbers: numbers.counted, dates: dates.counted, others: others.counted };
  }

  #noteNumber(id: string): void {
    const number = plainNumber(id);
    if (number !== undefined && number !== id && this.#unknown.has(number)) this.#numbers.add(number);
  }
}

class IdCounter {
  #count = 0;
  readonly #first: IdOnLine[] = [];

  get counted(): CountedIds {
    return { count: this.#count, first: this.#first };
  }

  add(id: IdOnLine): void {
    this.#count += 1;
    if (this.#first.length < SHOWN_IDS) this.#first.push(id);
  }
}
