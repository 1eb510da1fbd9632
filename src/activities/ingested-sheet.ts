import { MergedLabels } from '../domain/merged-labels.js';
import type { PromptRow } from '../domain/row.js';
import type { RunRequest } from '../ledger/documents.js';
import { rejectsOf } from '../ledger/kept-rejects.js';
import type { LedgerFiles } from '../ledger/ledger-files.js';
import type { BeforeRun } from '../ledger/previous-runs.js';
import { SheetTally, type SheetItem } from '../sheet/index.js';
import type { RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { Rejects } from './ingest-files.js';

/** What a run takes of its sheet besides the rows, together with what stays of the batch's earlier sheets. */
export class IngestedSheet {
  readonly #store: ObjectStore;
  readonly #request: RunRequest;
  readonly #tally = new SheetTally();
  readonly #rejects: Rejects;
  /** The batch that the rows of this run join; undefined where the run's sheet is the whole batch. */
  readonly #joined: Required<BeforeRun>['batch'];
  readonly #base: BeforeRun['base'];
  readonly #labels: MergedLabels;
  #rejectColumns: readonly string[] = [];

  constructor(
    files: LedgerFiles,
    context: { readonly store: ObjectStore; readonly request: RunRequest; readonly before: BeforeRun },
  ) {
    const { request, before } = context;
    this.#store = context.store;
    this.#request = request;
    this.#rejects = new Rejects(files);
    this.#base = before.base;
    this.#joined = before.base && (request.merge || request.action !== 'submit') ? before.batch : undefined;
    this.#labels = new MergedLabels(this.#joined?.labelColumns ?? []);
  }

  get rejected(): number {
    return this.#rejects.count;
  }

  get delimiter(): string {
    return this.#joined?.delimiter ?? this.#tally.summary().delimiter;
  }

  get labelColumns(): readonly string[] {
    if (this.#joined) return this.#labels.columns;
    // Rows that stay for rejected records may have columns that the sheet lacks.
    return [...new Set([...this.#tally.summary().labelColumns, ...this.#labels.columns])];
  }

  /** To be called before the first row. A retry or redo has no sheet that could mend what was rejected. */
  async begin(): Promise<void> {
    if (this.#request.action !== 'submit') await this.#keepRejects();
  }

  async add(item: SheetItem): Promise<void> {
    this.#tally.add(item);
    switch (item.kind) {
      case 'header':
        for (const label of item.header.labelColumns) this.#labels.spelled(label);
        if (!item.header.isRejects) await this.#keepRejects();
        break;
      case 'rejected':
        await this.#rejects.add(item.rejected);
        break;
      case 'row':
      case 'blank':
      case 'skipped':
        break;
    }
  }

  /** A row with its labels under the names that the batch has for them. */
  spelled(row: PromptRow, isKept: boolean): PromptRow {
    const isSpelled = this.#joined ? isKept : !isKept;
    return isSpelled ? row : { ...row, labels: this.#labels.of(row.labels) };
  }

  /** Stores the rejected records; the columns that they have. */
  async storeRejects(run: RunRef): Promise<readonly string[]> {
    const kept = this.#rejectColumns;
    const columns = kept.length > 0 ? kept : this.#tally.summary().columns;
    return this.#rejects.store(run, columns, this.delimiter);
  }

  async #keepRejects(): Promise<void> {
    if (!this.#joined || !this.#base) return;
    this.#rejectColumns = this.#joined.rejectColumns;
    for await (const rejected of rejectsOf(this.#store, this.#base, this.#joined)) {
      await this.#rejects.add(rejected);
    }
  }
}
