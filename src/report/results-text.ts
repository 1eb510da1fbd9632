import { csvText } from '../sheet/index.js';
import type { WriteCells } from './results-table.js';

const LINES_A_CHUNK = 200;

/** Writes lines as the CSV text of `results.csv`, with a byte-order mark; `end` writes what is still kept. */
export function resultsText(
  delimiter: string,
  write: (text: string) => Promise<void>,
): { readonly write: WriteCells; readonly end: () => Promise<void> } {
  let lines: (readonly string[])[] = [];
  let mark = '\uFEFF';
  const end = async (): Promise<void> => {
    if (lines.length > 0) await write(`${mark}${csvText(lines, delimiter)}`);
    mark = '';
    lines = [];
  };
  return {
    write: async (cells) => {
      if (lines.push(cells) === LINES_A_CHUNK) await end();
    },
    end,
  };
}
