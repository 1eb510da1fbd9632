import { IdLines } from '../identity/id-lines.js';
import type { JobId, RowId } from '../rows/ids.js';
import type { RowOutcome } from '../rows/outcome.js';

/** Jobs that the service returned for more than one row or generation, with some examples. */
export interface RepeatedJobs {
  readonly jobs: number;
  /** A row with one job for two of its generations is named once. */
  readonly examples: readonly { readonly jobId: JobId; readonly rowIds: readonly RowId[] }[];
}

const EXAMPLES = 20;
const ROWS_AN_EXAMPLE = 5;

/**
 * Finds jobs that several rows or generations have. A shard refuses such a job; across shards only the seal can see
 * it.
 *
 * Reads the outcomes twice, so that a million rows take some 40 bytes each: first all through `note`, then, only if
 * `found` is true, through `collect`.
 */
export class RepeatedJobsFinder {
  readonly #rows = new IdLines();
  readonly #repeated = new Set<JobId>();

  /** Whether a job was seen for more than one row or generation. */
  get found(): boolean {
    return this.#repeated.size > 0;
  }

  note(outcome: Pick<RowOutcome, 'position' | 'generations'>): void {
    // Line 0 means no line.
    const line = outcome.position + 1;
    for (const [jobId, isTwice] of jobsOf(outcome)) {
      if (isTwice || (this.#rows.claim(jobId, line) ?? line) !== line) this.#repeated.add(jobId);
    }
  }

  /** The rows of up to 20 of the jobs, up to 5 of each. */
  async collect(outcomes: AsyncIterable<RowOutcome> | Iterable<RowOutcome>): Promise<RepeatedJobs> {
    const examples = new Map<JobId, RowId[]>();
    for await (const outcome of outcomes) {
      for (const jobId of jobsOf(outcome).keys()) {
        if (!this.#repeated.has(jobId)) continue;
        const rowIds = examples.get(jobId) ?? [];
        if (!examples.has(jobId) && examples.size < EXAMPLES) examples.set(jobId, rowIds);
        if (rowIds.length < ROWS_AN_EXAMPLE) rowIds.push(outcome.rowId);
      }
    }
    return {
      jobs: this.#repeated.size,
      examples: Array.from(examples, ([jobId, rowIds]) => ({ jobId, rowIds })),
    };
  }
}

/** The jobs of a row, and whether each belongs to several generations. */
function jobsOf({ generations }: Pick<RowOutcome, 'generations'>): ReadonlyMap<JobId, boolean> {
  const generationOf = new Map<JobId, number>();
  const jobs = new Map<JobId, boolean>();
  for (const { jobId, generation } of generations) {
    if (!jobId) continue;
    const first = generationOf.get(jobId) ?? generation;
    generationOf.set(jobId, first);
    jobs.set(jobId, jobs.get(jobId) === true || first !== generation);
  }
  return jobs;
}

/** The one-line warning about repeated jobs; undefined if there are none. */
export function repeatedJobsText(repeated: RepeatedJobs | undefined): string | undefined {
  const first = repeated?.examples[0];
  if (!repeated || !first) return undefined;
  const jobs = repeated.jobs === 1 ? '1 job id was' : `${repeated.jobs} job ids were`;
  const rows = first.rowIds.length === 1 ? 'generations of row' : 'rows';
  return `${jobs} returned by the service for several rows or generations, which therefore have the same image: ${first.jobId} for ${rows} ${first.rowIds.join(', ')}. Make such rows again with: banana-batch redo.`;
}
