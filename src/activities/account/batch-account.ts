import { serviceOf } from '../../bananahub/account-id.js';
import { BananaHubError } from '../../bananahub/errors.js';
import type { JobId } from '../../domain/rows/ids.js';
import { RunRequest } from '../../ledger/documents.js';
import { beforeRun, type BeforeRun } from '../../ledger/previous-runs.js';
import { readDocument } from '../../ledger/files/read-document.js';
import { statesAfterRun } from '../../ledger/run-rows.js';
import { at, requestKey, type RunRef } from '../../storage/layout.js';
import { cancellationSignal } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import { batchFault, wrongAccount, wrongService } from '../hold-causes.js';
import { latestJobs, mayRebind, provesSameAccount } from '../worker/same-account.js';

/**
 * The account to which a run binds its batch: that of the batch's first run, or this worker's own if the batch has
 * none yet or its key was rotated; a key replaced in its file leaves the batch's account unchanged.
 * Throws the batch's fault if this worker's key is not the batch's, and `BananaHubError` if the service refuses the
 * key.
 */
export async function accountOfRun(
  state: Pick<WorkerState, 'store' | 'api' | 'runAccounts'>,
  run: RunRef,
  request: Pick<RunRequest, 'rebind' | 'service'>,
  { batch, base }: BeforeRun,
): Promise<string> {
  const { api, store } = state;
  if (!batch) {
    await refuseUnknownKey(state, request);
    refuseOtherService(api, request);
    return api.account;
  }
  if (batch.account === api.account) return api.account;
  if (!request.rebind) {
    if (base && (await state.runAccounts.sameAs(batch.account, base))) return batch.account;
    throw wrongAccount(run, batch.account, api.account);
  }
  const jobs = base ? await latestJobs(statesAfterRun(store, base)) : [];
  const proof = await provesSameAccount(api, jobs, cancellationSignal());
  if (!mayRebind(batch.account, api.account, proof)) throw jobsUnknown(batch.account, api.account);
  return api.account;
}

/** Throws unless this worker may run activities of a run, whether its sheet has been read yet or not. */
export async function checkAccount(
  state: Pick<WorkerState, 'store' | 'api' | 'runAccounts'>,
  run: RunRef,
  jobIds: readonly JobId[],
): Promise<void> {
  const before = await beforeRun(state.store, run);
  if (before.batch && before.batch.runSeq >= run.runSeq) {
    await state.runAccounts.check(run, jobIds);
    return;
  }
  const request = await readDocument(state.store, at(run, requestKey(run, run.runSeq)), RunRequest);
  await accountOfRun(state, run, request, before);
}

/**
 * A key that the service refuses belongs to no account: a batch bound to it could not continue with the right one. A
 * batch that names no service is bound only to one that has answered, since only then is it known not to be a
 * sandbox.
 */
async function refuseUnknownKey(
  { api }: Pick<WorkerState, 'api'>,
  { service }: Pick<RunRequest, 'service'>,
): Promise<void> {
  try {
    await api.getBalance(cancellationSignal());
  } catch (error) {
    if (cancellationSignal().aborted || service === undefined) throw error;
    if (error instanceof BananaHubError && error.code === 'unauthorized') throw error;
  }
}

/** A sandbox's drawings must not pass for images: it runs only batches submitted to it, and no other service runs those. */
function refuseOtherService(
  api: Pick<WorkerState['api'], 'account' | 'isSandbox'>,
  { service }: Pick<RunRequest, 'service'>,
): void {
  const own = serviceOf(api.account);
  if (service === undefined ? !api.isSandbox() : service === own) return;
  throw wrongService(service, own);
}

function jobsUnknown(expected: string, own: string): Error {
  return batchFault({
    cause: {
      scope: 'account',
      code: 'wrong-account',
      message: `This batch belongs to account ${expected}, but the workers' key (${own}) does not know the batch's latest jobs, so it is a key of another account. Start the workers with a key of the batch's account; the batch continues by itself.`,
    },
  });
}
