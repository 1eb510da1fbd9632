import type { Model, Resolution } from '../domain/generation-settings.js';

const KEPT = 64;

/** How long recent jobs took from creation to end, by model and resolution: tells when a first poll is worth while. */
export class JobTimes {
  readonly #recent = new Map<string, number[]>();

  note(kind: { readonly model: Model; readonly resolution: Resolution }, tookMs: number): void {
    const name = `${kind.model} ${kind.resolution}`;
    const times = this.#recent.get(name) ?? [];
    times.push(tookMs);
    if (times.length > KEPT) times.shift();
    this.#recent.set(name, times);
  }

  /** The median; undefined until a few are known. */
  usualMs(kind: { readonly model: Model; readonly resolution: Resolution }): number | undefined {
    const times = this.#recent.get(`${kind.model} ${kind.resolution}`);
    if (!times || times.length < 5) return undefined;
    return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
  }
}
