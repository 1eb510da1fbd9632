import { IdLines } from '../identity/id-lines.js';

/** A name under which two rows would have their images. */
export interface TakenName {
  readonly name: string;
  /** Line of the row that has it. */
  readonly line: number;
}

/**
 * Which row of a sheet has which name: no two have names that are one file anywhere. Names made of row ids may differ
 * in letter case alone, as they always could; a chosen name differs from every other name in more than that.
 *
 * Remembers 21–43 bytes a name. Lines go up to 2³¹ − 1.
 */
export class TakenNames {
  readonly #lines = new IdLines();

  /** Takes all the names of one record, or none where one is taken: then says which, and by which line. */
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

/** What names have in common that are one file on macOS or Windows: neither letter case nor Unicode's forms count. */
export function foldedName(name: string): string {
  // Most names, and many times as fast.
  if (/^[ -~]*$/.test(name)) return name.toLowerCase();
  // Through upper case, since ß and SS are one there, as are all forms of sigma.
  return name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}
