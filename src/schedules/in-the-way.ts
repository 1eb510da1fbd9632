import { isOpen, type BatchStatus } from '../batch/status-document.js';

/** That a batch is at work, what it is about and how to go on; counts and names only. */
export function inTheWayText(status: BatchStatus): string {
  const { batchId, state, startedAt, stored, failed, cancelled, rejected, total } = status;
  const settled = stored + failed + cancelled + rejected;
  const since = state === 'held' ? status.holds[0]?.since : status.pauses[0]?.since;
  const what = `Batch "${batchId}" was at work, ${state === 'cancelling' ? 'being cancelled' : state}${since === undefined ? '' : ` since ${since}`}: ${settled} of ${total} rows were settled`;
  if (!isOpen(status)) return `Batch "${batchId}" had just ended.`;
  const why = status.reason === undefined ? '' : ` ${status.reason}`;
  const begun = ` It began at ${startedAt}.`;
  return state === 'running' || state === 'preparing' || state === 'sealing'
    ? `${what}.${begun} Where that is the rule, fire less often, raise the concurrency, or let firings wait: --overlap buffer-one.`
    : `${what}.${begun}${why}`;
}
