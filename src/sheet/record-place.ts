/** Where a record of a sheet is. */
export interface RecordPlace {
  /** 1-based line of the file on which it starts. */
  readonly line: number;
  /** Its row as spreadsheets count, the header being row 1; absent where it is the line. */
  readonly tableRow?: number | undefined;
}

/** A place as all messages and reports write it: "line 7", or "row 6 of the table, line 7" where these differ. */
export function placeText({ line, tableRow = line }: RecordPlace): string {
  return tableRow === line ? `line ${line}` : `row ${tableRow} of the table, line ${line}`;
}

/** Two places: "lines 2 and 7", or each as `placeText` writes it. */
export function placesText(first: RecordPlace, second: RecordPlace): string {
  return first.tableRow === undefined && second.tableRow === undefined
    ? `lines ${first.line} and ${second.line}`
    : `${placeText(first)}, and ${placeText(second)}`;
}

/**
 * Remembers the places of a sheet's records, noted in order, for messages about earlier lines. Memory grows with the
 * records that have line breaks in them, 16 bytes each.
 */
export class RecordPlaces {
  /** Lines from which on rows fall behind the lines by the number beside them. */
  readonly #from: number[] = [];
  readonly #behind: number[] = [];

  note({ line, tableRow = line }: RecordPlace): void {
    const behind = line - tableRow;
    if (behind === (this.#behind.at(-1) ?? 0)) return;
    this.#from.push(line);
    this.#behind.push(behind);
  }

  /** The place of a record on a line that was noted. */
  at(line: number): RecordPlace {
    let [low, high] = [0, this.#from.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#from[middle] ?? 0) <= line) low = middle + 1;
      else high = middle;
    }
    const behind = this.#behind[low - 1] ?? 0;
    return behind === 0 ? { line } : { line, tableRow: line - behind };
  }
}
