import type { RejectedRecord } from '../domain/row.js';
import { isScientific, rewrittenAs, withoutLeadingZeros } from '../domain/rewritten-id.js';
import type { PlannedItem } from '../ledger/planned-rows.js';
import type { SheetItem } from '../sheet/index.js';

/** An id of a sheet and the line that has it. */
export interface IdOnLine {
  readonly line: number;
  readonly id: string;
}

/** Ids in our own failures.csv or rejects.csv that are no rows of its batch. */
export interface NewIds {
  /** Those that look like what a spreadsheet makes of an id: a number, or a date. */
  readonly rewritten: readonly IdOnLine[];
  readonly others: readonly IdOnLine[];
}

/** Those of a sheet that is none of our reports. */
export const NO_NEW_IDS: NewIds = { rewritten: [], others: [] };

/**
 * Finds the new ids of our own reports while a plan goes by: such a file is a part of a batch, so that an id which is
 * no row of it would buy an image that the batch may have under another id.
 *
 * Remembers the sheet's own ids that are new.
 */
export class NewIdsFinder {
  readonly #own = new Map<string, number>();
  readonly #losesZeros = new Set<string>();
  readonly #rejected = new Set<string>();
  #isReport = false;
  #isRejects = false;
  /** Rejected records whose id was what was wrong: one that is corrected is new. */
  #wrongIds = 0;

  /** What the sheet says; each item before what is planned of it. */
  addSheetItem(item: SheetItem): void {
    if (item.kind === 'header') {
      this.#isRejects = item.header.isRejects;
      this.#isReport = item.header.isFailures || this.#isRejects;
    }
    if (item.kind !== 'row' || !this.#isReport || !item.hasOwnId) return;
    this.#own.set(item.row.rowId, item.row.line);
  }

  /** What is planned: a row that the batch has is not new. */
  addPlanned(item: PlannedItem): void {
    if (item.kind === 'sheet') this.addSheetItem(item.item);
    if (!this.#isReport || item.kind !== 'planned' || !item.before) return;
    const { rowId } = item.row;
    this.#own.delete(rowId);
    this.#noteZeros(rowId);
  }

  /** A record that the batch has as rejected; `idColumn` is where its sheet has ids, in lower case. */
  addRejected({ record, column }: RejectedRecord, idColumn: string): void {
    if (column.toLowerCase() === idColumn) this.#wrongIds += 1;
    const [, id] = Object.entries(record).find(([name]) => name.toLowerCase() === idColumn) ?? [];
    if (typeof id !== 'string') return;
    this.#rejected.add(id.trim());
    this.#noteZeros(id.trim());
  }

  /** The new ids, by line. */
  found(): NewIds {
    const rewritten: IdOnLine[] = [];
    const others: IdOnLine[] = [];
    const seen = new Set<string>();
    for (const [rowId, line] of this.#own) {
      // The images of one record are one id.
      const id = rowId.replace(/~[1-9]\d*$/, '');
      if (seen.has(id) || (this.#rejected.has(id) && !isScientific(id))) continue;
      seen.add(id);
      const looksRewritten = rewrittenAs(id) !== undefined || this.#losesZeros.has(id);
      (looksRewritten ? rewritten : others).push({ line, id });
    }
    const corrected = this.#isRejects ? this.#wrongIds : 0;
    return { rewritten, others: others.length <= corrected ? [] : others };
  }

  #noteZeros(id: string): void {
    const short = withoutLeadingZeros(id);
    if (short !== undefined) this.#losesZeros.add(short);
  }
}
