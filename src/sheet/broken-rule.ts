/** A rule that a record breaks; the first one found is told. */
export class BrokenRule extends Error {
  readonly column: string;
  readonly value: string;
  /**
   * What broke: the text itself, which must not go into files as it is; the cell's formula, so that no one knows what
   * the cell says; the record, which is not a row at all. Undefined for every other rule.
   */
  readonly fault: 'text' | 'formula' | 'no-row' | undefined;

  constructor(column: string, value: string, rule: string, fault?: BrokenRule['fault']) {
    super(rule);
    this.column = column;
    this.value = value;
    this.fault = fault;
  }
}
