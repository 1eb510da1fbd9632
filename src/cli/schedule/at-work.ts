import { findPlace } from '../../plan/place/batch-place.js';
import type { BatchStatus } from '../../status/status-document.js';
import type { BatchId } from '../../domain/rows/ids.js';
import { firingBatchId } from '../../domain/batch/schedule-name.js';
import type { Firing } from '../../schedules/firings/read-firings.js';
import type { Schedule } from '../../schedules/schedule-client.js';
import { homeOf } from '../../storage/layout.js';
import { readBatchStatus } from '../../starter.js';
import type { ScheduleHome } from './access.js';
import { isOpen } from '../../status/status-document.js';

/** The running batches of a schedule, newest first; for a schedule of changes also if someone else has started it. */
export async function batchesAtWork(
  access: ScheduleHome,
  { name, sheet, running }: Pick<Schedule, 'name' | 'sheet' | 'running'>,
  firings: readonly Firing[],
): Promise<readonly BatchStatus[]> {
  const known = firings.flatMap((firing) => (firing.kind === 'recorded' && firing.batch) || []);
  const open = new Map(known.filter(isOpen).map((batch) => [batch.batchId, batch]));
  // If a batch is stopped for long, more runs are skipped after it than are checked.
  for (const firingAt of running) {
    const batchId = firingBatchId(name, sheet.mode, firingAt);
    if (!open.has(batchId)) noteOpen(open, await statusOf(access, batchId));
  }
  if (sheet.mode === 'changes' && open.size === 0) {
    noteOpen(open, await statusOf(access, firingBatchId(name, 'changes', new Date())));
  }
  return [...open.values()].toSorted((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt));
}

async function statusOf(access: ScheduleHome, batchId: BatchId): Promise<BatchStatus | undefined> {
  return readBatchStatus(access, await findPlace(access.store, homeOf(access.home, batchId)));
}

function noteOpen(open: Map<string, BatchStatus>, batch: BatchStatus | undefined): void {
  if (batch && isOpen(batch)) open.set(batch.batchId, batch);
}

/** What prevents a running batch from ending, and what to do, as a sentence; undefined if nothing does. */
export function standstillText({ batchId, reason, holds }: BatchStatus): string | undefined {
  if (reason === undefined) return undefined;
  const lookNow = holds.length > 0 ? `; to check again now: banana-batch resume ${batchId}` : '';
  return `${reason} Details: banana-batch status ${batchId}${lookNow}`;
}

/** A running batch as a short text. */
export function atWorkText({ batchId, state, stored, total }: BatchStatus): string {
  return `${batchId} ${state}${total > 0 ? `, ${stored}/${total} stored` : ''}`;
}
