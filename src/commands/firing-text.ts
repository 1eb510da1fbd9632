import type { BatchStatus } from '../status/status-document.js';
import type { Tally } from '../domain/batch/tally.js';
import type { Firing } from '../schedules/firings/read-firings.js';
import type { FiringBatch } from '../cli/schedule/text/document.js';

/** What became of a firing, for a person. */
export interface FiringText {
  /** A few words. */
  readonly outcome: string;
  /** Why nothing was bought, or why its batch is stopped. */
  readonly why?: string;
  readonly batch?: FiringBatch;
  /** Something that a person may want to look at. */
  readonly isBad: boolean;
}

/** What became of a firing. */
export function firingText(firing: Firing): FiringText {
  if (firing.kind === 'waiting') return { outcome: 'not started yet', isBad: true };
  if (firing.kind === 'unrecorded') {
    return {
      outcome: 'lost',
      why: 'Its workflow was terminated before the run was recorded.',
      isBad: true,
    };
  }
  const { outcome } = firing.record;
  switch (outcome.kind) {
    case 'skipped':
    case 'failed':
      return { outcome: outcome.kind, why: outcome.reason, isBad: true };
    case 'nothing-to-do':
      return { outcome: 'nothing to do', batch: outcome, isBad: false };
    case 'running':
      return { ...atWorkText(firing.batch), batch: outcome };
    case 'ended':
      return { ...endedText(outcome.end, outcome.tally), batch: outcome };
  }
}

function atWorkText(batch: BatchStatus | undefined): Omit<FiringText, 'batch'> {
  if (!batch) return { outcome: 'running', isBad: false };
  const { state, reason, stored, total } = batch;
  return {
    outcome: `${state} ${stored}/${total}`,
    ...(reason !== undefined && { why: reason }),
    isBad: reason !== undefined,
  };
}

function endedText(end: string, tally: Tally | undefined): Omit<FiringText, 'batch'> {
  if (!tally) return { outcome: end, isBad: end !== 'completed' };
  const counts: readonly (readonly [number, string])[] = [
    [tally.failed, 'failed'],
    [tally.rejected, 'rejected'],
    [tally.cancelled, 'cancelled'],
  ];
  const others = counts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`);
  const how = end === 'completed' ? [] : [end];
  return {
    outcome: [...how, `${tally.stored}/${tally.total} stored`, ...others].join(', '),
    isBad: end !== 'completed' || others.length > 0,
  };
}
