import type { AccountBalance } from '../../domain/money/run-cost.js';
import { cancellationSignal } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';

/** The balance is optional, so a batch must not wait long for it. */
const WITHIN_MS = 5_000;

/** The account's present balance; undefined if the service does not answer in time. Nothing depends on it. */
export async function readBalance({
  api,
  log,
}: Pick<WorkerState, 'api' | 'log'>): Promise<AccountBalance | undefined> {
  const signal = cancellationSignal();
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]);
    const { balance, reserved } = await api.getBalance(limited);
    return { balance, reserved };
  } catch (error) {
    if (signal.aborted) throw error;
    log.info({ err: error }, 'The balance could not be read; the batch continues without it.');
    return undefined;
  }
}
