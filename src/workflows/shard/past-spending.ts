import { boughtByRun } from '../../domain/money/run-cost.js';
import type { PastSpending } from '../../domain/money/budget.js';
import type { KnownRow } from '../protocol/shard-messages.js';
import type { RowProgress } from './row-progress.js';

/** What this run has bought so far for the rows that no earlier workflow run of the shard has recorded. Amounts in millionths. */
export function pastSpending(
  rows: readonly Readonly<RowProgress>[],
  {
    known,
    offered,
    priceOf,
  }: {
    readonly known: readonly KnownRow[];
    /** Rows that a probe may buy. */
    readonly offered: ReadonlySet<number>;
    readonly priceOf: (row: number) => number;
  },
): PastSpending {
  const starts = new Map(known.map((start) => [start.row, start]));
  let spent = 0;
  let images = 0;
  const underway: PastSpending['underway'][number][] = [];
  for (const [row, progress] of rows.entries()) {
    const { phase, generation, jobId, unansweredSinceMs } = progress;
    if (phase === 'recorded') continue;
    const start: Pick<KnownRow, 'generation' | 'jobId'> = starts.get(row) ?? { generation: 1 };
    let bought = boughtByRun(start, progress.generations).length;
    const isOpen = phase !== 'settled';
    if (isOpen && jobId && (generation > start.generation || jobId !== start.jobId)) bought += 1;
    const isExposed = unansweredSinceMs !== undefined || offered.has(row);
    if (isOpen && !jobId && (phase === 'inFlight' || isExposed)) {
      underway.push({ row, price: priceOf(row), isExposed });
    }
    spent += bought * priceOf(row);
    images += bought;
  }
  return { spent, images, underway };
}
