import { checkSheet, type SheetFile } from '../batch/plan-submission.js';
import { sheetLabel, type SheetSettings, type SheetSummary } from '../sheet/index.js';
import type { CommandContext } from './command-context.js';
import { openProgress } from './progress.js';
import { sheetText } from './submission-plan-text.js';
import { refuseUnusable } from './submission-refusals.js';

/** A sheet that can be trusted, with what is in it. */
export interface CheckedSheet extends SheetFile {
  readonly summary: SheetSummary;
}

/**
 * Reads the whole sheet and tells what is in it. Throws SheetError or UsageError where nothing of it may start; no
 * server is needed.
 */
export async function checkedSheet(
  { stderr }: Pick<CommandContext, 'stderr'>,
  sheet: SheetFile,
  options: { readonly sheet: string; readonly sheetSettings: SheetSettings },
): Promise<CheckedSheet> {
  const label = sheetLabel(options.sheet);
  const progress = openProgress(stderr);
  try {
    const summary = await checkSheet(sheet, options.sheetSettings, (rows) =>
      progress.show(`Reading ${label}: ${rows} rows`),
    );
    progress.end({ clear: true });
    stderr.write(sheetText(label, summary, options.sheetSettings));
    refuseUnusable(summary, options.sheetSettings);
    return { ...sheet, summary };
  } finally {
    progress.end({ clear: true });
  }
}
