/** What stands for any half of a surrogate pair: two of them are no character together. */
export const HALF = '\ud800';

const HALVES = /[\ud800-\udfff]/gu;

/** The character that UTF-8 has in place of a half of a surrogate pair. */
const STAND_IN = Buffer.from('\uFFFD');

/**
 * Where a text that is encoded as UTF-8 had halves of surrogate pairs, so that they can be told from the U+FFFD that a
 * sheet may contain. Places are bytes from the beginning of the text. Text without halves costs no more than a look.
 */
export class HalfCharacters {
  #places: number[] = [];
  /** How many places were restored. */
  #done = 0;

  /** The next piece of the text, which starts at byte `start`. */
  note(piece: string, start: number): void {
    if (piece.isWellFormed()) return;
    this.#places = this.#places.slice(this.#done);
    this.#done = 0;
    let [place, from] = [start, 0];
    for (const { index } of piece.matchAll(HALVES)) {
      place += Buffer.byteLength(piece.slice(from, index));
      this.#places.push(place);
      place += STAND_IN.length;
      from = index + 1;
    }
  }

  /** Whether a half that was not restored yet stands before byte `end`. */
  isAnyBefore(end: number): boolean {
    return (this.#places[this.#done] ?? Infinity) < end;
  }

  /**
   * The cells of the next record with `HALF` where the sheet has half of a surrogate pair. `written` is the record
   * as UTF-8, which starts at byte `start`: its cells have the same characters in the same order.
   */
  restoredIn(values: readonly string[], written: Buffer, start: number): string[] {
    const isHalf: boolean[] = [];
    for (let at = written.indexOf(STAND_IN); at !== -1; at = written.indexOf(STAND_IN, at + 1)) {
      const isNext = this.#places[this.#done] === start + at;
      if (isNext) this.#done += 1;
      isHalf.push(isNext);
    }
    let seen = 0;
    return values.map((value) => value.replaceAll('\uFFFD', (same) => (isHalf[seen++] ? HALF : same)));
  }
}
