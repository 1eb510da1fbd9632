import prettyMs from 'pretty-ms';
import { canaryOf, type CanaryOptions } from '../../../domain/batch/canary.js';
import { UsageError } from '../../../errors.js';
import type { RunningFlags } from './running-flags.js';

/** The canary of the flags. Throws a UsageError for a wait without one. */
export function canaryOptions({
  canary,
  canaryWait,
}: Pick<RunningFlags, 'canary' | 'canaryWait'>): CanaryOptions | undefined {
  if (canary === undefined && canaryWait !== undefined) {
    throw new UsageError(
      '--canary-wait needs --canary N: it limits how long the batch waits after its sample rows.',
    );
  }
  return canary === undefined
    ? undefined
    : { rows: canary, ...(canaryWait !== undefined && { waitMs: canaryWait }) };
}

/** The line about which rows of a run come first, and what they wait for; empty without a canary. */
export function canaryPlanText(options: CanaryOptions | undefined, rowsToRun: number): string {
  if (!options || rowsToRun === 0) return '';
  const canary = canaryOf(options, rowsToRun);
  if (!canary) {
    return `Canary     none: the run makes only ${rowsToRun} ${rowsToRun === 1 ? 'row' : 'rows'} (--canary ${options.rows})\n`;
  }
  const { rows, of, waitMs } = canary;
  const wait =
    waitMs === undefined
      ? 'then the batch waits for "resume"'
      : `then the batch waits ${prettyMs(waitMs)} for "resume", or without limit if one of them fails`;
  return `Canary     ${rows} of ${of.toLocaleString('en')} rows first, ${wait}\n`;
}
