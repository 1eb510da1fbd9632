import { IdLines } from '../../domain/identity/id-lines.js';
import { NO_SAME_BYTES, SameBytesFinder, type SameBytes } from '../../domain/images/same-bytes.js';
import { SealedCounts } from '../../domain/batch/tally.js';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import { rowTagOf, type StoredIdentity } from '../../domain/images/stored-identity.js';
import { foldedName } from '../../domain/images/taken-names.js';
import { OutcomeLine } from '../documents.js';
import { readEachLine } from '../files/json-lines.js';
import type { LocalCopy } from '../files/local-copies.js';
import type { Differences } from './difference.js';
import type { Numbered } from './match-entries.js';

/** The sealed rows of a batch: some 130 bytes each, for ids of any length; some 30 more if their images' names have capitals. */
export interface SealedRowsIndex {
  readonly rows: number;
  readonly stored: number;
  readonly counts: SealedCounts;
  readonly sameBytes: SameBytes;
  /** A row's line among the outcomes; undefined if the batch has no such row. */
  readonly lineOfRow: (rowId: string) => number | undefined;
  /** The outcome line of the stored row whose image has a key below the batch; undefined if there is none. */
  readonly lineOfImage: (key: string) => number | undefined;
  /**
   * Whether a stored row's image is under a key below the batch, or under one that some disks treat as the same:
   * there, an image renamed only in letter case is still listed under its first name.
   */
  readonly isStoredImage: (key: string) => boolean;
  /** Whether a stored row's image has these bytes. */
  readonly isStoredBytes: (sha256: string) => boolean;
  /** Whether the row of such an image ended without one; by its content alone if the image does not name its row. */
  readonly lacksImage: (identity: Pick<StoredIdentity, 'contentHash' | 'rowTag'>) => boolean;
  /** The outcomes with their lines, read again at each call; unreadable lines are skipped. */
  readonly outcomes: () => AsyncGenerator<Numbered<RowOutcome>>;
}

/** Reads a run's `outcomes.jsonl` as far as possible, and calls `onRow` for each; errors are added to `differences`. */
export async function indexSealedRows(
  copy: LocalCopy,
  key: string,
  rejected: number,
  differences: Differences,
  onRow: (rows: number) => void = () => undefined,
): Promise<SealedRowsIndex> {
  const [rowLines, imageLines, withoutImage] = [new IdLines(), new IdLines(), new IdLines()];
  // Only for keys that folding changes.
  const foldedLines = new IdLines();
  const counts = new SealedCounts(rejected);
  const finder = new SameBytesFinder();
  let [rows, stored] = [0, 0];
  for await (const read of readEachLine(copy.read(), OutcomeLine)) {
    const { line } = read;
    if (read.kind === 'unreadable') {
      differences.add({ kind: 'unreadable', key, line });
      continue;
    }
    const { rowId, contentHash, end, imageKey } = read.document;
    rows += 1;
    onRow(rows);
    counts.add(read.document);
    finder.note(read.document);
    if (rowLines.claim(rowId, line) !== undefined)
      differences.add({ kind: 'repeated-row', key, rowId, line });
    if (end.kind !== 'stored') {
      withoutImage.claim(contentHash, 1);
      withoutImage.claim(`${contentHash} ${rowTagOf(rowId)}`, 1);
      continue;
    }
    stored += 1;
    if (imageKey === undefined) differences.add({ kind: 'unreadable', key, rowId, line, field: 'imageKey' });
    else if (imageLines.claim(imageKey, line) !== undefined)
      differences.add({ kind: 'repeated-row', key, rowId, line, field: 'imageKey', found: imageKey });
    const folded = imageKey === undefined ? undefined : foldedName(imageKey);
    if (folded !== undefined && folded !== imageKey) foldedLines.claim(folded, line);
  }
  async function* outcomes(): AsyncGenerator<Numbered<RowOutcome>> {
    for await (const read of readEachLine(copy.read(), OutcomeLine)) {
      if (read.kind === 'document') yield { number: read.line, entry: read.document };
    }
  }
  async function* bareOutcomes(): AsyncGenerator<RowOutcome> {
    for await (const { entry } of outcomes()) yield entry;
  }
  return {
    rows,
    stored,
    counts,
    sameBytes: finder.found ? await finder.collect(bareOutcomes()) : NO_SAME_BYTES,
    lineOfRow: (rowId) => rowLines.lineOf(rowId),
    lineOfImage: (imageKey) => imageLines.lineOf(imageKey),
    isStoredImage: (imageKey) => {
      const folded = foldedName(imageKey);
      return imageLines.has(imageKey) || imageLines.has(folded) || foldedLines.has(folded);
    },
    isStoredBytes: (sha256) => finder.hasNoted(sha256),
    lacksImage: ({ contentHash, rowTag }) =>
      withoutImage.lineOf(rowTag === undefined ? contentHash : `${contentHash} ${rowTag}`) !== undefined,
    outcomes,
  };
}
