import type { RejectedRecord } from '../../domain/rows/row.js';
import { JoiningNames } from './joining-names.js';
import { SheetTally, type SheetSettings, type SheetSummary } from '../../sheet/index.js';
import { sheetItems, type SheetFile } from '../../sheet/fetch/sheet-file.js';

/** A sheet that was read from start to end without errors. */
export interface CheckedSheet extends SheetFile {
  /** How it is read. */
  readonly sheetSettings: SheetSettings;
  readonly summary: SheetSummary;
  /** Rows of the batch that the sheet lacks stay. Always set for our own failures.csv and rejects.csv, which are parts of a batch. */
  readonly merge: boolean;
  /** The images' names, if the sheet may join an existing batch; otherwise undefined. */
  readonly names: JoiningNames | undefined;
}

export interface CheckOptions {
  readonly sheetSettings: SheetSettings;
  /** Default false. */
  readonly merge?: boolean;
  /** Called for every thousandth row with the number of rows so far. */
  readonly onRows?: (rows: number) => void;
  /** Called for each record that the sheet's own rules reject. */
  readonly onRejected?: (record: RejectedRecord) => Promise<void>;
}

/**
 * The first of the two readings of a sheet before its batch starts: the check before anything is bought. Throws
 * SheetError if the sheet cannot be trusted, or has more images than a batch may have.
 */
export async function checkSheet<Sheet extends SheetFile>(
  sheet: Sheet,
  { sheetSettings, merge: wantsMerge = false, onRows, onRejected }: CheckOptions,
): Promise<Sheet & CheckedSheet> {
  const tally = new SheetTally();
  let merge = wantsMerge;
  const names = new JoiningNames();
  let rows = 0;
  for await (const item of sheetItems(sheet, sheetSettings)) {
    tally.add(item);
    if (item.kind === 'header') merge ||= item.header.isFailures || item.header.isRejects;
    if (item.kind === 'rejected') await onRejected?.(item.rejected);
    if (item.kind !== 'row') continue;
    if (merge) names.add(item.row);
    rows += 1;
    if (rows % 1000 === 0) onRows?.(rows);
  }
  return {
    ...sheet,
    sheetSettings,
    summary: tally.summary(),
    merge,
    names: merge ? names : undefined,
  };
}
