import type { UnstoredKind } from '../../domain/rows/failure-kind.js';
import { runAgain, type AgainOptions } from './again.js';
import type { Command } from '../terminal/command-context.js';

export interface RetryOptions extends AgainOptions {
  /** Empty: those that a retry may fix. */
  readonly kinds: readonly UnstoredKind[];
}

/** Starts the next run of a batch over rows without an image. Jobs with an unknown end are awaited before anything is bought. */
export const retry: Command<RetryOptions> = (context, options) =>
  runAgain(context, options, { action: 'retry', kinds: options.kinds });
