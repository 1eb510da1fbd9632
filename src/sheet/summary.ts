import { MODELS, type Model } from '../domain/generation-settings.js';
import { looksLikeSplit } from '../domain/image-name.js';
import { hasChosenName } from '../domain/object-key.js';
import type { RejectedRecord } from '../domain/row.js';
import { readSheet, type SheetHeader, type SheetItem } from './read-sheet.js';
import type { SheetSettings, SheetSource } from './sheet-settings.js';

/** A whole sheet in numbers. */
export interface SheetSummary extends SheetHeader {
  /** All carried columns, also those that turned up after the header: unnamed ones with something in them, late keys of JSON Lines. */
  readonly labelColumns: readonly string[];
  /** Accepted rows after expansion: one image each. */
  readonly rows: number;
  readonly rejected: number;
  /** Records without an id that are identical to an earlier one; their rows are among `rows`. */
  readonly duplicates: number;
  /** Whether any row has a chosen name. */
  readonly hasNames: boolean;
  /** Whether Hugging Face takes the folders of any name for splits other than train. */
  readonly hasSplitNames: boolean;
  readonly byModel: Readonly<Record<Model, number>>;
  /** The first 20. */
  readonly firstRejected: readonly RejectedRecord[];
}

const SHOWN_REJECTED = 20;

/** Adds up a sheet's items while they go by. */
export class SheetTally {
  #header: SheetHeader = {
    format: 'csv',
    delimiter: ',',
    columns: [],
    labelColumns: [],
    isFailures: false,
    isRejects: false,
  };
  readonly #labels = new Set<string>();
  readonly #byModel = new Map<Model, number>(MODELS.map((model) => [model, 0]));
  readonly #firstRejected: RejectedRecord[] = [];
  #rows = 0;
  #rejected = 0;
  #duplicates = 0;
  #hasNames = false;
  #hasSplitNames = false;
  #lastRepeatLine = 0;

  /** Counts one item. */
  add(item: SheetItem): void {
    switch (item.kind) {
      case 'header':
        this.#header = item.header;
        for (const label of item.header.labelColumns) this.#labels.add(label);
        return;
      case 'rejected':
        this.#rejected += 1;
        if (this.#firstRejected.length < SHOWN_REJECTED) this.#firstRejected.push(item.rejected);
        return;
      case 'row':
        this.#rows += 1;
        this.#hasNames ||= hasChosenName(item.row);
        this.#hasSplitNames ||= looksLikeSplit(item.row.imageName);
        this.#byModel.set(item.row.model, (this.#byModel.get(item.row.model) ?? 0) + 1);
        for (const label of Object.keys(item.row.labels)) this.#labels.add(label);
        // The replicas of one repeat are one duplicate.
        if (item.repeatOf !== undefined && item.row.line !== this.#lastRepeatLine) {
          this.#duplicates += 1;
          this.#lastRepeatLine = item.row.line;
        }
    }
  }

  /** The sums so far. */
  summary(): SheetSummary {
    const countOf = (model: Model): number => this.#byModel.get(model) ?? 0;
    return {
      ...this.#header,
      labelColumns: [...this.#labels],
      rows: this.#rows,
      rejected: this.#rejected,
      duplicates: this.#duplicates,
      hasNames: this.#hasNames,
      hasSplitNames: this.#hasSplitNames,
      byModel: { nb: countOf('nb'), nb2: countOf('nb2'), pro: countOf('pro') },
      firstRejected: [...this.#firstRejected],
    };
  }
}

/**
 * Reads a whole sheet without keeping its rows: the check before anything is spent. `onRows` hears of every thousandth
 * row. Throws as `readSheet` does.
 */
export async function summarizeSheet(
  bytes: AsyncIterable<Uint8Array>,
  settings: SheetSettings,
  source: SheetSource,
  onRows: (rows: number) => void = () => undefined,
): Promise<SheetSummary> {
  const tally = new SheetTally();
  let rows = 0;
  for await (const item of readSheet(bytes, settings, source)) {
    tally.add(item);
    if (item.kind === 'row' && ++rows % 1000 === 0) onRows(rows);
  }
  return tally.summary();
}
