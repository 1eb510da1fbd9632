import type { StoredEnd } from '../../domain/rows/outcome.js';
import type { ShardRow } from '../../domain/rows/row.js';
import type { AwaitGenerationInput } from '../../workflows/protocol/activities.js';
import { cancellationSignal } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import { copyImage } from './store-image.js';

/** Longer than that, a copy is broken off and left to `storeImage`. */
const LONGEST_MS = 1_000;

/**
 * Copies the image of a job that a poll of this worker has just seen done, if copies are quick: the row then needs no
 * `storeImage`, whose task would cost more than the copy. Undefined if the image was not stored for whatever reason;
 * `storeImage` then finds out why.
 */
export async function storeAtOnce(
  state: WorkerState,
  input: AwaitGenerationInput,
  row: ShardRow,
): Promise<StoredEnd | undefined> {
  if (!state.copyTimes.areQuick) return undefined;
  const imageUrl = state.imageUrls.take(input.jobId);
  if (imageUrl === undefined) return undefined;
  const signal = AbortSignal.any([cancellationSignal(), AbortSignal.timeout(LONGEST_MS)]);
  try {
    const end = await copyImage(state, input, row, { imageUrl, signal });
    return end.kind === 'stored' ? end : undefined;
  } catch {
    return undefined;
  }
}
