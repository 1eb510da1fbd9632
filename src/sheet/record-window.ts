/** The bytes of a text from the start of the record that is being read, to look at a record as it was written. */
export class RecordWindow {
  #bytes = Buffer.alloc(0);
  /** Where the window starts, in bytes of the whole text. */
  #start = 0;
  #recordStart = 0;

  /** The next piece of the text; lets go of the records that have ended. */
  add(piece: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#recordStart - this.#start), piece]);
    this.#start = this.#recordStart;
  }

  /** The record that ends before byte `end` of the text, as written. */
  textUpTo(end: number): string {
    return this.#bytes.toString('utf8', this.#recordStart - this.#start, end - this.#start);
  }

  /** The next record starts at byte `end` of the text. */
  endRecord(end: number): void {
    this.#recordStart = end;
  }
}
