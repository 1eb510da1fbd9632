import { isOpen, type BatchStatus } from '../status/status-document.js';

/** That a batch is running, what it is about and how to continue; counts and names only. */
export function inTheWayText(status: BatchStatus): string {
  const { batchId, state, reason, startedAt, stored, failed, cancelled, rejected, total } = status;
  if (!isOpen(status)) return `Batch "${batchId}" had only just ended.`;
  const since = state === 'held' ? status.holds[0]?.since : status.pauses[0]?.since;
  const how = `${state === 'cancelling' ? 'being cancelled' : state}${since === undefined ? '' : ` since ${since}`}`;
  const settled = stored + failed + cancelled + rejected;
  const far = total > 0 ? `; ${settled} of ${total} rows were finished` : '';
  const advice =
    reason ??
    'If that happens often, run the schedule less often, raise the concurrency, or let runs wait: --overlap buffer-one.';
  return `Batch "${batchId}" had been running since ${startedAt}, ${how}${far}. ${advice}`;
}
