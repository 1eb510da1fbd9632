import type { RunRef } from '../storage/layout.js';
import { idempotencyKey } from '../domain/idempotency-key.js';
import type { PromptRow } from '../domain/row.js';

/** The idempotency key of one generation of a row: the one place where creates get theirs. */
export function keyOf(run: RunRef, row: PromptRow, generation: number): string {
  const { rowId, contentHash } = row;
  return idempotencyKey({ batchId: run.batchId, rowId, contentHash, generation });
}
