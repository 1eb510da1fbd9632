import type { HoldCause } from '../../domain/batch/holds.js';
import type { JobId } from '../../domain/rows/ids.js';
import type { RowProgress } from './row-progress.js';

/** A create counts as unanswered if its answer names a job of another row or generation: otherwise its image would be stored twice. */
export const REPEATED_JOB_CAUSE: HoldCause = {
  scope: 'service',
  code: 'bad-answer',
  message:
    'BananaHub answered a create with the id of a job that another row or generation already has. The batch continues by itself when creates return new jobs again.',
};

/** The row and generation of each known job of a shard. */
export class JobOwners {
  readonly #owners = new Map<JobId, string>();

  constructor(rows: readonly Pick<RowProgress, 'generation' | 'jobId' | 'generations'>[]) {
    for (const [row, { generation, jobId, generations }] of rows.entries()) {
      for (const earlier of generations)
        if (earlier.jobId) this.claim(earlier.jobId, row, earlier.generation);
      if (jobId) this.claim(jobId, row, generation);
    }
  }

  /** True if the job now belongs, or already belonged, to that generation; false if it belongs to another. */
  claim(jobId: JobId, row: number, generation: number): boolean {
    const owner = `${row}:${generation}`;
    const present = this.#owners.get(jobId);
    if (present === undefined) this.#owners.set(jobId, owner);
    return present === undefined || present === owner;
  }
}
