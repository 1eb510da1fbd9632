import { writeXlsxStream } from 'hucre/xlsx';
import type { ResultCells } from './results-table.js';

/** Excel's limits: characters of a cell, columns of a sheet. */
const MOST_CHARACTERS = 32_767;
export const MOST_COLUMNS = 16_384;
/** Excel allows a few more in one sheet; the next sheet of the workbook repeats the header. */
const MOST_LINES = 1_000_000;
const CUT = '… (cut)';

/**
 * Lines as the bytes of an Excel workbook in which every cell is a text: no id becomes a number, even if someone
 * edits it, and no formula runs. `onCut` is called for each text that exceeds Excel's limit and is cut. Memory holds
 * a few lines.
 */
export async function* resultsWorkbook(
  header: ResultCells,
  lines: AsyncIterable<ResultCells>,
  onCut: () => void,
): AsyncGenerator<Uint8Array> {
  const columns = header.map((title) => ({ header: excelText(title, onCut), numFmt: '@' }));
  const rows = async function* (): AsyncGenerator<string[]> {
    for await (const cells of lines) yield cells.map((cell) => excelText(cell, onCut));
  };
  const options = { name: 'results', columns, freezePane: { rows: 1 }, maxRowsPerSheet: MOST_LINES };
  yield* writeXlsxStream(rows(), options);
}

/**
 * A text that Excel reads back unchanged: what looks like one of its own escapes (`_x0041_`) is escaped, and so are
 * the two characters that XML forbids but the library accepts.
 */
function excelText(text: string, onCut: () => void): string {
  let fitted = text;
  if (text.length > MOST_CHARACTERS) {
    onCut();
    // Do not cut within a surrogate pair.
    fitted = text.slice(0, MOST_CHARACTERS - CUT.length).replace(/[\ud800-\udbff]$/, '') + CUT;
  }
  return fitted
    .replaceAll(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    .replaceAll('\uFFFE', '_xFFFE_')
    .replaceAll('\uFFFF', '_xFFFF_');
}
