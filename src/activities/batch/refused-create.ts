import type { ShardRow } from '../../domain/rows/row.js';

/** A create of a probe's candidate that made no job. */
export class RefusedCreate extends Error {
  readonly row: ShardRow;
  readonly sentAtMs: number;
  /** The balance just before it; undefined if it was not read. */
  readonly available: string | undefined;

  constructor(
    cause: unknown,
    create: { readonly row: ShardRow; readonly sentAtMs: number; readonly available: string | undefined },
  ) {
    super('The create returned no job.', { cause });
    this.row = create.row;
    this.sentAtMs = create.sentAtMs;
    this.available = create.available;
  }
}
