import Table from 'cli-table3';
import type { FaultKind } from './fault-kinds.js';
import type { Judgement } from './judge.js';
import { seconds } from './plan-text.js';

/** How often a kind of fault was due, and how often there was something to apply it to. */
export type FaultCounts = ReadonlyMap<FaultKind, { readonly due: number; readonly hit: number }>;

/** The batches of a run, a line each. */
export function batchesTable(judgements: readonly Judgement[]): string {
  const table = new Table({
    head: [
      'batch',
      'rows',
      'stored',
      'failed',
      'cancelled',
      'rejected',
      'jobs paid',
      'generations',
      'seconds',
      'sound',
    ],
    style: { head: [], border: [] },
  });
  for (const { batch, tally, jobs, problems } of judgements) {
    const { plan, startedMs, endedMs } = batch;
    table.push([
      plan.name,
      plan.rows,
      tally?.stored ?? '?',
      failedText(tally),
      tally?.cancelled ?? '?',
      tally?.rejected ?? '?',
      jobs,
      tally?.generations ?? '?',
      endedMs === undefined ? 'open' : seconds(endedMs - startedMs),
      problems.length === 0 ? 'yes' : 'NO',
    ]);
  }
  return table.toString();
}

function failedText(tally: Judgement['tally']): string {
  if (!tally) return '?';
  const kinds = Object.entries(tally.failuresByKind).map(([kind, count]) => `${count} ${kind}`);
  return kinds.length === 0 ? '0' : kinds.join(', ');
}

/** The kinds of faults of a run, a line each. */
export function faultsTable(counts: FaultCounts): string {
  const table = new Table({ head: ['fault', 'thrown', 'hit'], style: { head: [], border: [] } });
  for (const [kind, { due, hit }] of [...counts].sort(([a], [b]) => a.localeCompare(b))) {
    table.push([kind, due, hit]);
  }
  return table.toString();
}
