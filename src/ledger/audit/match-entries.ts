/** An entry with the number used for matching. */
export interface Numbered<T> {
  readonly number: number;
  readonly entry: T;
}

export type Match<Wanted, Found> =
  | { readonly kind: 'pair'; readonly wanted: Wanted; readonly found: Found }
  | { readonly kind: 'missing'; readonly wanted: Wanted }
  /** No wanted entry has its number, or another found entry was already paired with that. */
  | { readonly kind: 'extra'; readonly found: Found };

/**
 * Matches found entries with wanted ones, by number; numbers of wanted entries differ, found entries without one are
 * extra. Each entry is in exactly one of the matches.
 *
 * Meant for two files in nearly the same order: only entries between a lost or moved line and its place are kept in
 * memory.
 */
export async function* matchEntries<Wanted, Found>(
  wanted: AsyncIterable<Numbered<Wanted>>,
  found: AsyncIterable<{ readonly number: number | undefined; readonly entry: Found }>,
): AsyncGenerator<Match<Wanted, Found>> {
  const openWanted = new Map<number, Wanted>();
  const openFound = new Map<number, Found>();
  const wantedEntries = wanted[Symbol.asyncIterator]();
  const foundEntries = found[Symbol.asyncIterator]();
  try {
    for (;;) {
      const nextWanted = await wantedEntries.next();
      const nextFound = await foundEntries.next();
      if (nextWanted.done && nextFound.done) break;
      if (!nextWanted.done) {
        const { number, entry } = nextWanted.value;
        const waiting = openFound.get(number);
        if (openFound.delete(number) && waiting !== undefined)
          yield { kind: 'pair', wanted: entry, found: waiting };
        else openWanted.set(number, entry);
      }
      if (!nextFound.done) {
        const { number, entry } = nextFound.value;
        const waiting = number === undefined ? undefined : openWanted.get(number);
        if (number === undefined || openFound.has(number)) yield { kind: 'extra', found: entry };
        else if (openWanted.delete(number) && waiting !== undefined)
          yield { kind: 'pair', wanted: waiting, found: entry };
        else openFound.set(number, entry);
      }
    }
  } finally {
    await wantedEntries.return?.();
    await foundEntries.return?.();
  }
  for (const entry of openWanted.values()) yield { kind: 'missing', wanted: entry };
  for (const entry of openFound.values()) yield { kind: 'extra', found: entry };
}
