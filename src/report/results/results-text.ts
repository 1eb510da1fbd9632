import { csvText } from '../../sheet/index.js';
import type { ResultCells } from './results-table.js';

const LINES_A_CHUNK = 200;

/** Writes lines as the CSV text of `results.csv`, a byte-order mark first. */
export class ResultsText {
  readonly #delimiter: string;
  readonly #write: (text: string) => Promise<void>;
  #lines: ResultCells[] = [];
  #mark = '\uFEFF';

  constructor(delimiter: string, write: (text: string) => Promise<void>) {
    this.#delimiter = delimiter;
    this.#write = write;
  }

  async add(lines: AsyncIterable<ResultCells> | Iterable<ResultCells>): Promise<void> {
    for await (const cells of lines) if (this.#lines.push(cells) === LINES_A_CHUNK) await this.end();
  }

  /** Writes the remaining text. */
  async end(): Promise<void> {
    if (this.#lines.length > 0) await this.#write(`${this.#mark}${csvText(this.#lines, this.#delimiter)}`);
    this.#mark = '';
    this.#lines = [];
  }
}
