import type { RunRef } from '../storage/layout.js';
import { idempotencyKey } from './row/idempotency-key.js';
import { modeWith } from '../domain/rows/generation-settings.js';
import type { ModelMode } from '../domain/batch/holds.js';
import type { PromptRow, ShardRow } from '../domain/rows/row.js';

/** The model and mode whose permission and availability a row depends on. */
export function modeOf({ model, inputImages }: Pick<ShardRow, 'model' | 'inputImages'>): ModelMode {
  return `${model}:${modeWith(inputImages)}`;
}

/** The idempotency key of one generation of a row: the one place where creates get theirs. */
export function keyOf(run: RunRef, row: PromptRow, generation: number): string {
  const { rowId, contentHash } = row;
  return idempotencyKey({ batchId: run.batchId, rowId, contentHash, generation });
}
