import { hasChosenName } from '../../domain/images/image-name.js';
import type { PromptRow } from '../../domain/rows/row.js';
import { foldedName } from '../../domain/images/taken-names.js';
import { placeText } from '../../sheet/record-place.js';
import { takenNameRule } from '../../sheet/index.js';
import { joiningAs } from './former-ids.js';

type NamedRow = Pick<PromptRow, 'rowId' | 'contentHash' | 'line' | 'tableRow' | 'imageName'>;

/**
 * Checks the names of rows that join a batch against those of the rows that stay in it. A record that may not join
 * leaves its rows unchanged in the batch, so their present names stay taken too.
 *
 * Memory: the joining rows, and the rows of the batch that they conflict with.
 */
export class JoiningNames {
  readonly #byName = new Map<string, readonly NamedRow[]>();
  readonly #byLine = new Map<number, readonly NamedRow[]>();
  readonly #joining = new Map<string, NamedRow>();
  /** The batch's state of the joining rows, by their ids. */
  readonly #known = new Map<string, NamedRow>();
  /** Staying rows with a joining row's name. */
  readonly #met: NamedRow[] = [];
  #hasChosen = false;

  /** Whether any joining row has a chosen name. */
  get hasChosen(): boolean {
    return this.#hasChosen;
  }

  /** Adds a joining row. */
  add(joining: PromptRow): void {
    const row = namedRow(joining);
    const name = foldedName(row.imageName);
    this.#byName.set(name, [...(this.#byName.get(name) ?? []), row]);
    this.#byLine.set(row.line, [...(this.#byLine.get(row.line) ?? []), row]);
    this.#joining.set(row.rowId, row);
    this.#hasChosen ||= hasChosenName(row);
  }

  /** Checks a row of the batch; call for each after all joining rows were added. */
  meet(known: PromptRow): void {
    const row = namedRow(known);
    const joins = joiningAs(row, this.#joining);
    if (joins) this.#known.set(joins.rowId, row);
    else if (this.#byName.has(foldedName(row.imageName))) this.#met.push(row);
  }

  /** Why records may not join, by line. */
  refused(): ReadonlyMap<number, string> {
    const rules = new Map<number, string>();
    const staying = [...this.#met];
    // Grows during the iteration.
    for (const stays of staying) {
      for (const joins of this.#byName.get(foldedName(stays.imageName)) ?? []) {
        if (rules.has(joins.line) || (!hasChosenName(joins) && !hasChosenName(stays))) continue;
        rules.set(joins.line, ruleOf(joins, stays));
        for (const { rowId } of this.#byLine.get(joins.line) ?? []) {
          const row = this.#known.get(rowId);
          if (row) staying.push(row);
        }
      }
    }
    return rules;
  }
}

function namedRow({ rowId, contentHash, line, tableRow, imageName }: PromptRow): NamedRow {
  return { rowId, contentHash, line, ...(tableRow !== undefined && { tableRow }), imageName };
}

function ruleOf(joins: NamedRow, stays: NamedRow): string {
  const who = `${placeText(joins)} and row ${JSON.stringify(stays.rowId)} of the batch, ${placeText(stays)} of its sheet`;
  return takenNameRule(joins.imageName, who);
}
