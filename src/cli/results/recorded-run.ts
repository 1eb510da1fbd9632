import type { BatchFiles } from '../../plan/batch-files.js';
import type { BatchFile } from '../../ledger/documents.js';
import type { BatchLocation, RunRef } from '../../storage/layout.js';

/** The run whose outcomes a command reads: none yet, a sealed one, or one with only the outcomes recorded so far. */
export type RecordedRun = {
  /** For stderr; empty or complete lines. */
  readonly note: string;
} & (
  | { readonly kind: 'none' }
  | { readonly kind: 'sealed' | 'recorded'; readonly run: RunRef; readonly batch: BatchFile }
);

/** The newest run of a batch with known rows. */
export function recordedRun({ lastRunSeq, batch, report }: BatchFiles, location: BatchLocation): RecordedRun {
  if (!batch)
    return {
      kind: 'none',
      note: `Batch "${location.batchId}" is being prepared: no row has finished yet.\n`,
    };
  const { runSeq } = batch;
  const run = { ...location, runSeq };
  const newer =
    lastRunSeq > runSeq
      ? `Run ${lastRunSeq} is being prepared; the rows are shown as run ${runSeq} left them.\n`
      : '';
  if (report && report.runSeq >= runSeq) return { kind: 'sealed', run, batch, note: newer };
  return {
    kind: 'recorded',
    run,
    batch,
    note: `${newer}Run ${runSeq} is not finished: rows are recorded in hundreds or once a minute, so more may follow.\n`,
  };
}
