/** A rule that a record breaks; the first one found is told. */
export class BrokenRule extends Error {
  readonly column: string;
  readonly value: string;

  constructor(column: string, value: string, rule: string) {
    super(rule);
    this.column = column;
    this.value = value;
  }
}

export const HALF_CHARACTER = 'a text has whole characters: half of a surrogate pair was found in it';
