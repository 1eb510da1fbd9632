/** How well an id fits what someone typed: smaller is better, undefined for not at all. */
function nearness(typed: string, rowId: string): number | undefined {
  const wanted = typed.toLowerCase();
  const id = rowId.toLowerCase();
  if (wanted === '' || id === '') return undefined;
  if (id === wanted || id === wanted.replace(/\.(png|jpe?g|webp)$/, '')) return 0;
  if (id.startsWith(wanted)) return 1;
  if (id.includes(wanted) || wanted.includes(id)) return 2;
  const half = wanted.slice(0, Math.ceil(wanted.length / 2));
  return half.length >= 3 && id.startsWith(half) ? 3 : undefined;
}

/** Keeps the ids that come nearest to what someone typed. */
export class NearRowIds {
  readonly #typed: string;
  readonly #byNearness: readonly string[][] = [[], [], [], []];

  constructor(typed: string) {
    this.#typed = typed;
  }

  consider(rowId: string): void {
    const kept = this.#byNearness[nearness(this.#typed, rowId) ?? -1];
    if (kept && kept.length < 10) kept.push(rowId);
  }

  /** The best so far, at most `count` (up to 10), the nearest first. */
  best(count: number): readonly string[] {
    return this.#byNearness.flat().slice(0, count);
  }
}
