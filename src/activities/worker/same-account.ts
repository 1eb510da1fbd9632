import { OWN_SANDBOX, serviceOf } from '../../bananahub/account-id.js';
import type { BananaHubClient } from '../../bananahub/client.js';
import { BananaHubError } from '../../bananahub/errors.js';
import type { JobId } from '../../domain/rows/ids.js';
import type { RowBefore } from '../../domain/rows/row-plan.js';

/**
 * Whether a key belongs to the account that made some jobs: `same` as soon as it finds one of them, `other` if it
 * finds none, `unknown` without jobs. Throws `BananaHubError` if the service gives neither answer.
 */
export async function provesSameAccount(
  api: Pick<BananaHubClient, 'getJob'>,
  jobIds: readonly JobId[],
  signal?: AbortSignal,
): Promise<'same' | 'other' | 'unknown'> {
  for (const jobId of jobIds) {
    try {
      await api.getJob(jobId, signal);
      return 'same';
    } catch (error) {
      if (!(error instanceof BananaHubError) || error.code !== 'job-not-found') throw error;
    }
  }
  return jobIds.length > 0 ? 'other' : 'unknown';
}

/**
 * Whether a batch may move from one account to another as to a new key of the same account. Without a job as proof
 * only within one service, and never to or from a folder's sandbox.
 */
export function mayRebind(from: string, to: string, proof: 'same' | 'other' | 'unknown'): boolean {
  const [before, after] = [serviceOf(from), serviceOf(to)];
  if (before === after) return proof !== 'other';
  return proof === 'same' && before !== OWN_SANDBOX && after !== OWN_SANDBOX;
}

const JOBS_LOOKED_FOR = 3;

/** The jobs that identify a batch's account: the latest few, since the service may forget old ones. */
export async function latestJobs(rows: AsyncIterable<RowBefore>): Promise<readonly JobId[]> {
  let latest: { readonly jobId: JobId; readonly settledAt: string }[] = [];
  for await (const { outcome } of rows) {
    const jobId = outcome.generations.findLast((record) => record.jobId !== undefined)?.jobId;
    const least = latest.at(-1);
    if (!jobId || (latest.length === JOBS_LOOKED_FOR && least && outcome.settledAt <= least.settledAt))
      continue;
    latest = [...latest, { jobId, settledAt: outcome.settledAt }]
      .toSorted((a, b) => (a.settledAt < b.settledAt ? 1 : -1))
      .slice(0, JOBS_LOOKED_FOR);
  }
  return latest.map(({ jobId }) => jobId);
}
