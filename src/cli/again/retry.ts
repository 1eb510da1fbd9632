import type { UnstoredKind } from '../../domain/rows/failure-kind.js';
import { runAgain, type AgainOptions } from './again.js';
import type { Command } from '../terminal/command-context.js';

export interface RetryOptions extends AgainOptions {
  /** None: those that trying again may fix. */
  readonly kinds: readonly UnstoredKind[];
}

/** Starts the next run of a batch over what is not stored. Jobs whose end was not seen are awaited before anything is bought. */
export const retry: Command<RetryOptions> = (context, options) =>
  runAgain(context, options, { action: 'retry', kinds: options.kinds });
