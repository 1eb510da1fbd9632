import { IdLines } from '../identity/id-lines.js';

/** A name that two rows would use for their images. */
export interface TakenName {
  readonly name: string;
  /** Line of the row that already has it. */
  readonly line: number;
}

/**
 * The image names of a sheet's rows: no two may be one file on any system. Names derived from row ids may differ in
 * letter case alone, as they always could; a chosen name must differ from every other name in more than that.
 *
 * Uses 21–43 bytes a name. Lines up to 2³¹ − 1.
 */
export class TakenNames {
  readonly #lines = new IdLines();

  /** Claims all the names of one record, or none if one is taken: then returns it and its line. */
  claim(
    names: readonly string[],
    { line, isChosen }: { readonly line: number; readonly isChosen: boolean },
  ): TakenName | undefined {
    const folded = names.map(foldedName);
    for (const [index, name] of folded.entries()) {
      const taken = this.#lines.lineOf(name);
      if (taken !== undefined && (isChosen || taken % 2 === 1)) {
        return { name: names[index] ?? name, line: Math.floor(taken / 2) };
      }
    }
    // One number holds the line and whether the name is a chosen one.
    for (const name of folded) this.#lines.claim(name, line * 2 + (isChosen ? 1 : 0));
    return undefined;
  }
}

/** Equal for names that are one file on macOS or Windows: ignores letter case and Unicode normalization forms. */
export function foldedName(name: string): string {
  // Most names are ASCII, and this is many times faster.
  if (/^[ -~]*$/.test(name)) return name.toLowerCase();
  // By upper case, since ß and SS are equal there, as are all forms of sigma.
  return name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}
