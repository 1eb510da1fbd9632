import prettyMs from 'pretty-ms';
import { canaryOf, type AskedCanary } from '../domain/canary.js';
import { UsageError } from '../errors.js';
import type { RunningFlags } from './running-flags.js';

/** The canary that flags ask for. Throws a UsageError for a wait without one. */
export function askedCanary({
  canary,
  canaryWait,
}: Pick<RunningFlags, 'canary' | 'canaryWait'>): AskedCanary | undefined {
  if (canary === undefined && canaryWait !== undefined) {
    throw new UsageError(
      '--canary-wait says how long a canary waits to be seen. Add --canary N to make one.',
    );
  }
  return canary === undefined
    ? undefined
    : { rows: canary, ...(canaryWait !== undefined && { waitMs: canaryWait }) };
}

/** The line, if any, that says which rows of a run come first, and what they wait for. */
export function canaryPlanText(asked: AskedCanary | undefined, rowsToRun: number): string {
  if (!asked || rowsToRun === 0) return '';
  const canary = canaryOf(asked, rowsToRun);
  if (!canary) {
    return `Canary     none: the run makes ${rowsToRun} ${rowsToRun === 1 ? 'row' : 'rows'}, no more than --canary ${asked.rows}\n`;
  }
  const { rows, of, waitMs } = canary;
  const wait =
    waitMs === undefined
      ? 'then it waits for "resume"'
      : `then it waits ${prettyMs(waitMs)} for "resume", and longer where one fails`;
  return `Canary     ${rows} of ${of.toLocaleString('en')} rows first, ${wait}\n`;
}
