import prettyBytes from 'pretty-bytes';
import { checkSheet, rejectedOfRun } from '../batch/plan-submission.js';
import { InterruptedError } from '../errors.js';
import { sheetLabel, type SheetSettings, type SheetSummary } from '../sheet/index.js';
import type { CommandContext } from './command-context.js';
import { rejectsAdvice, writeRejects } from './dry-run-rejects.js';
import { inputsText } from './input-text.js';
import { openProgress } from './progress.js';
import type { GivenSheet } from './sheet-file.js';
import { counted } from '../domain/counted.js';
import { sheetText } from './submission-plan-text.js';
import { refuseUnusable } from '../batch/submission-refusals.js';

/** A sheet that can be trusted, with what is in it. */
export interface CheckedSheet extends GivenSheet {
  readonly summary: SheetSummary;
}

/**
 * Reads the whole sheet and tells what is in it. Throws SheetError or UsageError where nothing of it may start; no
 * server is needed.
 */
export async function checkedSheet(
  { stderr, interrupted }: Pick<CommandContext, 'stderr' | 'interrupted'>,
  sheet: GivenSheet,
  options: {
    readonly sheet: string;
    readonly sheetSettings: SheetSettings;
    readonly dryRun?: boolean;
    readonly rejects?: string;
  },
): Promise<CheckedSheet> {
  const label = sheetLabel(options.sheet);
  const progress = openProgress(stderr);
  let readRows = 0;
  sheet.inputs.whileReading((count, sizeBytes) =>
    progress.show(
      `Reading ${label}: ${readRows} rows, ${counted(count, 'input image')} (${prettyBytes(sizeBytes)})`,
    ),
  );
  try {
    const summary = await checkSheet(sheet, options.sheetSettings, (rows) => {
      readRows = rows;
      progress.show(`Reading ${label}: ${rows} rows`);
    });
    progress.end({ clear: true });
    const { rejects, sheetSettings } = options;
    const told = options.dryRun ? rejectsAdvice(rejects) : undefined;
    stderr.write(sheetText(label, summary, sheetSettings, told) + inputsText(summary, sheet.inputs));
    if (rejects !== undefined) {
      const asked = { sheet, sheetSettings, summary, merge: false };
      await writeRejects(rejects, () => rejectedOfRun(asked, undefined), summary);
    }
    refuseUnusable(summary, options.sheetSettings);
    return { ...sheet, summary };
  } catch (error) {
    if (interrupted.aborted) throw new InterruptedError('Reading the sheet was stopped.');
    throw error;
  } finally {
    progress.end({ clear: true });
  }
}
