/** The place of a record in a sheet. */
export interface RecordPlace {
  /** 1-based line of the file on which it starts. */
  readonly line: number;
  /** Its row number in a spreadsheet, where the header is row 1; absent if equal to the line. */
  readonly tableRow?: number | undefined;
}

/** A place in messages and reports: "line 7", or "row 6 of the table, line 7" if these differ. */
export function placeText({ line, tableRow = line }: RecordPlace): string {
  return tableRow === line ? `line ${line}` : `row ${tableRow} of the table, line ${line}`;
}

/** Two places: "lines 2 and 7", or each as `placeText` writes it. */
export function placesText(first: RecordPlace, second: RecordPlace): string {
  return first.tableRow === undefined && second.tableRow === undefined
    ? `lines ${first.line} and ${second.line}`
    : `${placeText(first)}, and ${placeText(second)}`;
}

/** Remembers the places of a sheet's records, added in order, for messages about earlier lines. Memory: 16 bytes for each record with line breaks in it. */
export class RecordPlaces {
  /** Lines from which on the row number is lower than the line by the number beside them. */
  readonly #from: number[] = [];
  readonly #behind: number[] = [];

  note({ line, tableRow = line }: RecordPlace): void {
    const behind = line - tableRow;
    if (behind === (this.#behind.at(-1) ?? 0)) return;
    this.#from.push(line);
    this.#behind.push(behind);
  }

  /** The place of a record on an added line. */
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
