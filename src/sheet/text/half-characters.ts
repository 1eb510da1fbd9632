/** Represents any lone surrogate: two of these in a row form no character. */
export const HALF = '\ud800';

const HALVES = /[\ud800-\udfff]/gu;

/** UTF-8's replacement for a lone surrogate. */
const STAND_IN = Buffer.from('\uFFFD');

/**
 * The places of lone surrogates in a text that is encoded as UTF-8, to distinguish them from a U+FFFD in the sheet
 * itself. Places are bytes from the beginning of the text. Text without any costs only a search.
 */
export class HalfCharacters {
  #places: number[] = [];
  /** Number of restored places. */
  #done = 0;

  /** Adds the next piece of the text, which starts at byte `start`. */
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

  /** Whether an unrestored place is before byte `end`. */
  isAnyBefore(end: number): boolean {
    return (this.#places[this.#done] ?? Infinity) < end;
  }

  /**
   * The cells of the next record with `HALF` in place of the sheet's lone surrogates. `written` is the record as
   * UTF-8, which starts at byte `start`: its cells have the same characters in the same order.
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
