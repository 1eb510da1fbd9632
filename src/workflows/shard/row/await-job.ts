import type {
  Activities,
  AwaitGenerationInput,
  AwaitGenerationResult,
  FindJobInput,
  FindJobResult,
} from '../../protocol/activities.js';

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

/** Looks for a missing job. A webhook about it says that it is there; one about another job says nothing. */
export async function findJob(
  activities: Pick<Activities, 'findJob'>,
  input: FindJobInput,
): Promise<FindJobResult> {
  for (;;) {
    const answer = await activities.findJob(input);
    if (answer.kind !== 'ended-by-webhook') return answer;
    if (answer.jobId === input.jobId) return { kind: 'found' };
  }
}
