import type { ShardRow } from '../../domain/rows/row.js';

/** A create of the candidate that made no job. */
export class RefusedCreate extends Error {
  readonly row: ShardRow;
  readonly sentAtMs: number;
  /** The balance just before it; undefined if it was not read. */
  readonly available: string | undefined;

  constructor(cause: unknown, row: ShardRow, sentAtMs: number, available?: string) {
    super('The create returned no job.', { cause });
    this.row = row;
    this.sentAtMs = sentAtMs;
    this.available = available;
  }

  with(available: string): RefusedCreate {
    return new RefusedCreate(this.cause, this.row, this.sentAtMs, available);
  }
}
