import type { JsonValue } from '../../src/domain/text/json.js';
import type { PromptRow, RejectedRecord } from '../../src/domain/rows/row.js';
import { readSheet, SheetSettings, type InputImages, type SheetHeader } from '../../src/sheet/index.js';

/** A sheet's items sorted by kind. */
export interface WholeSheet {
  readonly header: SheetHeader | undefined;
  readonly rows: readonly PromptRow[];
  readonly rejected: readonly RejectedRecord[];
  readonly repeats: readonly (number | undefined)[];
  /** Lines of the skipped records. */
  readonly skipped: readonly number[];
  /** Number of blank records. */
  readonly blank: number;
}

/** Reads all of a sheet given as text (UTF-8) or bytes, in chunks of `chunkBytes`. */
export async function readWholeSheet(
  content: string | Uint8Array,
  settings: Parameters<typeof SheetSettings.parse>[0] = {},
  name = 'sheet.csv',
  chunkBytes = 65_536,
  inputs?: InputImages,
): Promise<WholeSheet> {
  let header: SheetHeader | undefined;
  const rows: PromptRow[] = [];
  const rejected: RejectedRecord[] = [];
  const repeats: (number | undefined)[] = [];
  const skipped: number[] = [];
  let blank = 0;
  const source = { name, inputs };
  for await (const item of readSheet(chunks(content, chunkBytes), SheetSettings.parse(settings), source)) {
    switch (item.kind) {
      case 'header':
        header = item.header;
        break;
      case 'row':
        rows.push(item.row);
        repeats.push(item.repeatOf);
        break;
      case 'skipped':
        skipped.push(item.skipped.line);
        break;
      case 'blank':
        blank += item.records;
        break;
      case 'rejected':
        rejected.push(item.rejected);
    }
  }
  return { header, rows, rejected, repeats, skipped, blank };
}

/** A row's cells in the sheet's order, where the prompt comes first and all other columns are labels. */
export function cellsOf({ prompt, labels }: PromptRow): readonly JsonValue[] {
  return [prompt, ...Object.values(labels)];
}

/** Bytes, or a text as UTF-8, in chunks of a size. */
export async function* chunks(content: string | Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  for (let from = 0; from < bytes.length; from += chunkBytes) yield bytes.subarray(from, from + chunkBytes);
}
