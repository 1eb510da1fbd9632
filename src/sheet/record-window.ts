const QUOTE = 0x22;

/** The bytes of a text from the start of the record that is being read, to look at a record as it was written. */
export class RecordWindow {
  readonly #mostBytes: number;
  #pieces: Buffer[] = [];
  /** Bytes in the pieces together. */
  #size = 0;
  /** Where the window starts, in bytes of the whole text. */
  #start = 0;
  #recordStart = 0;
  #lastQuote = -1;

  /** `mostBytes`: no record is longer; what comes before is blank lines, which end no record. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Whether a quote stands in the text whose records have not ended yet. */
  get hasQuote(): boolean {
    return this.#lastQuote >= this.#recordStart;
  }

  /** The next piece of the text; lets go of the records that have ended. */
  add(piece: Buffer): void {
    const quote = piece.lastIndexOf(QUOTE);
    if (quote !== -1) this.#lastQuote = this.#start + this.#size + quote;
    this.#pieces.push(piece);
    this.#size += piece.length;
    this.#dropBefore(Math.max(this.#recordStart, this.#start + this.#size - piece.length - this.#mostBytes));
  }

  /** The record that ends before byte `end` of the text, as written. */
  textUpTo(end: number): string {
    const [first] = this.#pieces;
    const bytes = this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces);
    if (bytes !== first) this.#pieces = [bytes];
    return bytes.toString('utf8', Math.max(0, this.#recordStart - this.#start), end - this.#start);
  }

  /** The next record starts at byte `end` of the text. */
  endRecord(end: number): void {
    this.#recordStart = end;
  }

  #dropBefore(place: number): void {
    let dropped = 0;
    while (dropped < this.#pieces.length) {
      const { length } = this.#pieces[dropped] ?? { length: 0 };
      if (this.#start + length > place) break;
      this.#start += length;
      this.#size -= length;
      dropped += 1;
    }
    if (dropped > 0) this.#pieces = this.#pieces.slice(dropped);
  }
}
