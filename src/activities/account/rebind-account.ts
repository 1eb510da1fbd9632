import { ApplicationFailure } from '@temporalio/common';
import { BatchFile } from '../../ledger/documents.js';
import { toJsonLines } from '../../ledger/files/json-lines.js';
import { readDocument } from '../../ledger/files/read-document.js';
import { statesAfterRun } from '../../ledger/run-rows.js';
import { at, batchFileKey } from '../../storage/layout.js';
import { cancellationSignal } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import { latestJobs, mayRebind, provesSameAccount } from '../worker/same-account.js';
import type { Activities } from '../../workflows/protocol/activities.js';

/**
 * Makes the worker's key the batch's own once the service has shown that the key knows a job of the batch; without
 * known jobs the batch takes the key unchecked. Throws a non-retryable failure for a key of another account.
 */
export function rebindAccountActivity(state: WorkerState): Activities['rebindAccount'] {
  return async ({ run, jobId }) => {
    const { store, api } = state;
    const ref = at(run, batchFileKey(run));
    const head = await store.head(ref);
    if (!head) return;
    const batch = await readDocument(store, ref, BatchFile);
    api.renewKey();
    if (batch.account === api.account) return;
    const recorded = await latestJobs(statesAfterRun(store, { ...run, runSeq: batch.runSeq }));
    const jobs = jobId ? [jobId, ...recorded] : recorded;
    const proof = await provesSameAccount(api, jobs, cancellationSignal());
    if (!mayRebind(batch.account, api.account, proof)) {
      throw ApplicationFailure.nonRetryable(
        `The workers' key (${api.account}) knows none of the batch's latest jobs, so it is not a new key of ${batch.account}. Start the workers with a key of that account.`,
        'WrongAccount',
      );
    }
    await store.put(ref, toJsonLines([{ ...batch, account: api.account }]), {
      contentType: 'application/json',
      condition: { kind: 'unchanged', etag: head.etag },
    });
  };
}
