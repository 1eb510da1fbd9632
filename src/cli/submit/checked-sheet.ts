import prettyBytes from 'pretty-bytes';
import { refuseUnusable } from '../../plan/submission-refusals.js';
import { counted } from '../../domain/text/full-stop.js';
import { InterruptedError } from '../../errors.js';
import { sheetLabel, type SheetSettings } from '../../sheet/index.js';
import { checkSheet, type CheckedSheet } from '../../starter.js';
import type { CommandContext } from '../terminal/command-context.js';
import { RejectedRecords, rejectsAdvice, writeRejects } from './dry-run-rejects.js';
import { inputsText } from './input-reach.js';
import { openProgress } from '../terminal/progress.js';
import type { GivenSheet } from './sheet-file.js';
import { sheetText } from './submission-plan-text.js';

/** A sheet that was read from start to end, and its rejected records if they are to be listed. */
export type ReadSheet = GivenSheet & CheckedSheet & { readonly rejected: RejectedRecords | undefined };

/** Reads the whole sheet and prints a summary. Throws SheetError or UsageError if nothing of it may start; needs no server. */
export async function readGivenSheet(
  { stderr, interrupted }: Pick<CommandContext, 'stderr' | 'interrupted'>,
  sheet: GivenSheet,
  options: {
    readonly sheet: string;
    readonly sheetSettings: SheetSettings;
    readonly merge?: boolean;
    readonly dryRun?: boolean;
    readonly rejects?: string;
    readonly json?: boolean;
  },
): Promise<ReadSheet> {
  const { sheetSettings, merge = false, dryRun = false, rejects, json = false } = options;
  const label = sheetLabel(options.sheet);
  const progress = openProgress(stderr);
  let readRows = 0;
  sheet.inputs.whileReading((count, sizeBytes) =>
    progress.show(
      `Reading ${label}: ${readRows} rows, ${counted(count, 'input image')} (${prettyBytes(sizeBytes)})`,
    ),
  );
  const rejected =
    dryRun && (json || rejects !== undefined) ? new RejectedRecords(`${sheet.path}.rejected`) : undefined;
  try {
    const read = await checkSheet(sheet, {
      sheetSettings,
      merge,
      onRows: (rows) => {
        readRows = rows;
        progress.show(`Reading ${label}: ${rows} rows`);
      },
      ...(rejected && { onRejected: (record) => rejected.add(record) }),
    });
    const { summary } = read;
    progress.end({ clear: true });
    stderr.write(
      sheetText(label, summary, sheetSettings, dryRun ? rejectsAdvice(rejects) : undefined) +
        inputsText(summary, sheet.inputs),
    );
    if (rejected && rejects !== undefined) await writeRejects(rejects, rejected, summary);
    refuseUnusable(summary, sheetSettings);
    return { ...read, rejected };
  } catch (error) {
    if (interrupted.aborted) throw new InterruptedError('Reading the sheet was stopped.');
    throw error;
  } finally {
    progress.end({ clear: true });
  }
}
