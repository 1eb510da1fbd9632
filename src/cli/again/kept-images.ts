import type { RowId } from '../../domain/rows/ids.js';
import { counted } from '../../domain/text/full-stop.js';
import { statesAfterRun } from '../../ledger/run-rows.js';
import type { RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { EXIT, type CommandContext, type ExitCode } from '../terminal/command-context.js';

/** Reports the rows of a redo that kept their earlier image, since the redo failed for them. */
export async function reportKept(
  { stderr }: CommandContext,
  store: ObjectStore,
  run: RunRef,
  rows: readonly RowId[],
): Promise<ExitCode> {
  const redone = new Set(rows);
  let kept = 0;
  for await (const { outcome } of statesAfterRun(store, run)) {
    const last = outcome.generations.at(-1);
    // If the job was done but its image was lost, the job's record says why.
    const hasNewImage = last?.end === 'done' && last.message === undefined;
    if (redone.has(outcome.rowId) && !hasNewImage) kept += 1;
  }
  if (kept === 0) return EXIT.ok;
  stderr.write(
    `${counted(kept, 'row')} ${kept === 1 ? 'keeps its old image' : 'keep their old images'}: no new one was made. See why with: banana-batch row ${run.batchId} ROW\n`,
  );
  return EXIT.incomplete;
}
