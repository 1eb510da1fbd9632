import type { ImageFacts } from '../../domain/rows/outcome.js';
import type { ShardRow } from '../../domain/rows/row.js';
import type { AwaitGenerationInput } from '../../workflows/protocol/activities.js';
import { cancellationSignal } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import { copyOnce } from './store-image.js';

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
): Promise<{ readonly image: ImageFacts; readonly adopted: boolean } | undefined> {
  if (!state.copyTimes.areQuick) return undefined;
  const imageUrl = state.imageUrls.take(input.jobId);
  if (imageUrl === undefined) return undefined;
  const signal = AbortSignal.any([cancellationSignal(), AbortSignal.timeout(LONGEST_MS)]);
  try {
    const stored = await copyOnce(state, input, row, { kind: 'done', imageUrl }, signal);
    if (stored.kind !== 'stored') return undefined;
    const { image, adopted } = stored;
    return { image, adopted };
  } catch {
    return undefined;
  }
}
