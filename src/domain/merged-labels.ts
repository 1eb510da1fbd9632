import type { JsonValue } from './text/json.js';
import { metadataLabelName } from './rows/reserved-columns.js';

/** The carried columns of a batch and those of a sheet that joins it: names that our files show alike are one column. */
export class MergedLabels {
  /** By how our files show a name, in any case of letters: the name that stands. */
  readonly #names = new Map<string, string>();

  /** `before` are the batch's own; their spellings stand. */
  constructor(before: readonly string[]) {
    for (const name of before) this.spelled(name);
  }

  /** All columns so far: the batch's own, then those that came with rows, in the order in which they turned up. */
  get columns(): readonly string[] {
    return [...this.#names.values()];
  }

  /** The name under which the batch has a column. */
  spelled(name: string): string {
    const shown = metadataLabelName(name).trim().toLowerCase();
    const known = this.#names.get(shown);
    if (known === undefined) this.#names.set(shown, name);
    return known ?? name;
  }

  /** A row's labels under the batch's names. */
  of(labels: Readonly<Record<string, JsonValue>>): Readonly<Record<string, JsonValue>> {
    return Object.fromEntries(Object.entries(labels).map(([name, value]) => [this.spelled(name), value]));
  }
}
