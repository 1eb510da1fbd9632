import { findPlace } from '../batch/batch-place.js';
import { readBatchStatus } from '../batch/batch-status.js';
import type { BatchStatus } from '../batch/status-document.js';
import { firingBatchId } from '../domain/schedule-name.js';
import type { Firing } from '../schedules/read-firings.js';
import type { Schedule } from '../schedules/schedule-client.js';
import { homeOf } from '../storage/layout.js';
import type { ScheduleHome } from './schedule-access.js';
import { isOpen } from '../batch/status-document.js';

/** The batches that a schedule has at work now, newest first; of one for changes also where somebody else has set it to work. */
export async function batchesAtWork(
  access: ScheduleHome,
  { name, sheet }: Pick<Schedule, 'name' | 'sheet'>,
  firings: readonly Firing[],
): Promise<readonly BatchStatus[]> {
  const known = firings.flatMap((firing) => (firing.kind === 'recorded' && firing.batch) || []);
  const open = new Map(known.filter(isOpen).map((batch) => [batch.batchId, batch]));
  if (sheet.mode === 'changes' && open.size === 0) {
    const place = await findPlace(
      access.store,
      homeOf(access.home, firingBatchId(name, 'changes', new Date())),
    );
    const batch = await readBatchStatus(access, place);
    if (batch && isOpen(batch)) open.set(batch.batchId, batch);
  }
  return [...open.values()];
}

/** What keeps a batch at work from ending, and what to do, as a sentence; undefined where nothing does. */
export function inTheWayText({ batchId, reason, paused, holds }: BatchStatus): string | undefined {
  if (reason === undefined) return undefined;
  const next = paused || holds.length > 0 ? `; then: banana-batch resume ${batchId}` : '';
  return `${reason} See: banana-batch status ${batchId}${next}`;
}
