import type { RejectedRecord } from '../../domain/rows/row.js';
import { JoiningNames } from './joining-names.js';
import { SheetTally, type SheetSettings, type SheetSummary } from '../../sheet/index.js';
import { sheetItems, type SheetFile } from '../../sheet/fetch/sheet-file.js';

/** A sheet that was read from start to end: nothing in it keeps it from being read again. */
export interface CheckedSheet extends SheetFile {
  /** How it is read. */
  readonly sheetSettings: SheetSettings;
  readonly summary: SheetSummary;
  /** Rows of the batch that the sheet lacks stay. Our own failures.csv and rejects.csv are always parts of a batch. */
  readonly merge: boolean;
  /** The images' names, where the sheet may join rows that a batch has; undefined for others. */
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
 * The first of the two times that a sheet is read before its batch starts: the check before anything is spent. Throws
 * SheetError where the sheet cannot be trusted, or makes more images than a batch takes.
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
