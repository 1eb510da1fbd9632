import { metadataLabelName } from '../../domain/rows/columns.js';
import type { LeftOutRecord, PromptRow } from '../../domain/rows/row.js';
import { SheetColumnList, type SheetColumn } from '../../domain/rows/sheet-column.js';
import type { JsonValue } from '../../domain/text/json.js';
import type { RunRequest } from '../../ledger/documents.js';
import { rejectsOf, skippedOf } from '../../ledger/kept-rejects.js';
import type { LedgerFiles } from '../../ledger/files/ledger-files.js';
import type { BeforeRun } from '../../ledger/previous-runs.js';
import { SheetTally, type SheetHeader, type SheetItem } from '../../sheet/index.js';
import type { RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { Rejects, SkippedRecords } from './ingest-files.js';

/** What a run takes from its sheet besides the rows, merged with what stays of the batch's earlier sheets. */
export class IngestedSheet {
  readonly #store: ObjectStore;
  readonly #request: RunRequest;
  readonly #tally = new SheetTally();
  readonly #rejects: Rejects;
  readonly #skipped: SkippedRecords;
  /** The batch that the rows of this run join; undefined if the run's sheet is the whole batch. */
  readonly #joined: Required<BeforeRun>['batch'];
  readonly #base: BeforeRun['base'];
  readonly #labels: MergedLabels;
  readonly #columns: SheetColumnList;
  #rejectColumns: readonly string[] = [];
  /** The sheet is one of our own reports: its report columns describe outcomes and are not input. */
  #isReport = false;

  constructor(
    files: LedgerFiles,
    context: { readonly store: ObjectStore; readonly request: RunRequest; readonly before: BeforeRun },
  ) {
    const { request, before } = context;
    this.#store = context.store;
    this.#request = request;
    this.#rejects = new Rejects(files);
    this.#skipped = new SkippedRecords(files);
    this.#base = before.base;
    this.#joined = before.base && (request.merge || request.action !== 'submit') ? before.batch : undefined;
    this.#labels = new MergedLabels(this.#joined?.labelColumns ?? []);
    this.#columns = new SheetColumnList(this.#joined?.sheetColumns);
  }

  get rejected(): number {
    return this.#rejects.count;
  }

  get delimiter(): string {
    return this.#joined?.delimiter ?? this.#tally.summary().delimiter;
  }

  get labelColumns(): readonly string[] {
    if (this.#joined) return this.#labels.columns;
    // Rows kept for rejected records may have columns that the sheet lacks.
    return [...new Set([...this.#tally.summary().labelColumns, ...this.#labels.columns])];
  }

  get sheetColumns(): readonly SheetColumn[] {
    return this.#columns.columns;
  }

  /** Call before the first row. A retry or redo has no sheet that could fix rejected records. */
  async begin(): Promise<void> {
    if (this.#joined && this.#base) {
      for await (const skipped of skippedOf(this.#store, this.#base)) await this.#skipped.add(skipped);
    }
    if (this.#request.action !== 'submit') await this.#keepRejects();
  }

  async add(item: SheetItem): Promise<void> {
    this.#tally.add(item);
    switch (item.kind) {
      case 'header':
        for (const label of item.header.labelColumns) this.#labels.spelled(label);
        this.#addColumns(item.header);
        if (!item.header.isRejects) await this.#keepRejects();
        break;
      case 'rejected':
        this.#columns.addRecord(item.rejected);
        await this.#rejects.add(this.#placed(item.rejected));
        break;
      case 'skipped':
        this.#columns.addRecord(item.skipped);
        await this.#skipped.add(this.#placed(item.skipped));
        break;
      case 'row':
      case 'blank':
        break;
    }
  }

  /** A row with its labels under the batch's column names. */
  spelled(row: PromptRow, isKept: boolean): PromptRow {
    const isSpelled = this.#joined ? isKept : !isKept;
    const spelled = isSpelled ? row : this.#spelledLabels(row);
    if (!this.#joined || !isKept) this.#columns.addRow(spelled, this.#isReport);
    return spelled;
  }

  #spelledLabels(row: PromptRow): PromptRow {
    const { labels, labelTexts } = row;
    return {
      ...row,
      labels: this.#labels.of(labels),
      ...(labelTexts && { labelTexts: this.#labels.of(labelTexts) }),
    };
  }

  /** Stores the records of which no row is made; returns the columns of the rejected ones. */
  async storeLeftOut(run: RunRef): Promise<readonly string[]> {
    await this.#skipped.store(run);
    const kept = this.#rejectColumns;
    const columns = kept.length > 0 ? kept : this.#tally.summary().columns;
    return this.#rejects.store(run, columns, this.delimiter);
  }

  #addColumns(header: SheetHeader): void {
    this.#isReport = this.#joined !== undefined && (header.isFailures || header.isRejects);
    for (const column of header.sheetColumns) {
      if (column.ours === undefined)
        this.#columns.add({ ...column, name: this.#labels.spelled(column.name) });
      else if (!this.#isReport) this.#columns.add(column);
    }
  }

  /** Records of a sheet that joins a batch are placed after all of its rows, since their true position is unknown. */
  #placed<T extends LeftOutRecord>(record: T): T {
    return this.#joined ? { ...record, place: undefined } : record;
  }

  async #keepRejects(): Promise<void> {
    if (!this.#joined || !this.#base) return;
    this.#rejectColumns = this.#joined.rejectColumns;
    for await (const rejected of rejectsOf(this.#store, this.#base, this.#joined)) {
      await this.#rejects.add(rejected);
    }
  }
}

/** The carried columns of a batch and those of a sheet that joins it. Names that look the same in our files are one column. */
class MergedLabels {
  /** The chosen spelling by the name as our files show it, ignoring letter case. */
  readonly #names = new Map<string, string>();

  /** `before` are the batch's own columns, whose spellings are kept. */
  constructor(before: readonly string[]) {
    for (const name of before) this.spelled(name);
  }

  /** All columns so far: the batch's own, then those added by rows, in order of appearance. */
  get columns(): readonly string[] {
    return [...this.#names.values()];
  }

  /** The batch's spelling of a column. */
  spelled(name: string): string {
    const shown = metadataLabelName(name).trim().toLowerCase();
    const known = this.#names.get(shown);
    if (known === undefined) this.#names.set(shown, name);
    return known ?? name;
  }

  /** A row's labels under the batch's column names. */
  of<T extends JsonValue>(labels: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
    return Object.fromEntries(Object.entries(labels).map(([name, value]) => [this.spelled(name), value]));
  }
}
