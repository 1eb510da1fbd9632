import type { Activities, AwaitGenerationInput, AwaitGenerationResult } from '../activities/types.js';

/**
 * Awaits a job's end. What a webhook says only counts where it is about this very job, and then for no more than that it
 * has ended: how a job failed is always read from the service.
 */
export async function awaitJob(
  activities: Pick<Activities, 'awaitGeneration'>,
  input: AwaitGenerationInput,
): Promise<AwaitGenerationResult> {
  let asked = input;
  for (;;) {
    const answer = await activities.awaitGeneration(asked);
    if (answer.kind !== 'ended-by-webhook') return answer;
    if (answer.jobId === input.jobId) {
      if (answer.isDone) return { kind: 'done' };
      asked = { ...input, lookAtOnce: true };
    }
  }
}
