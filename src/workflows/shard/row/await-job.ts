import type {
  Activities,
  AwaitGenerationInput,
  AwaitGenerationResult,
  FindJobInput,
  FindJobResult,
} from '../../protocol/activities.js';

/** Awaits a job's end. A webhook counts only if it names this job, and proves only that the job has ended: why it failed is always read from the service. */
export async function awaitJob(
  activities: Pick<Activities, 'awaitGeneration'>,
  input: AwaitGenerationInput,
): Promise<AwaitGenerationResult> {
  let request = input;
  for (;;) {
    const answer = await activities.awaitGeneration(request);
    if (answer.kind !== 'ended-by-webhook') return answer;
    if (answer.jobId === input.jobId) {
      if (answer.isDone) return { kind: 'done' };
      request = { ...input, lookAtOnce: true };
    }
  }
}

/** Searches for a missing job. A webhook that names it proves that it exists; one about another job proves nothing. */
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
