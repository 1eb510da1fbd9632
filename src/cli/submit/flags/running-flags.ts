import { Option, type Command, type OptionValues } from '@commander-js/extra-typings';
import { MAX_CONCURRENCY } from '../../../domain/batch/batch-settings.js';
import { MAX_CANARY_ROWS } from '../../../domain/batch/canary.js';
import { DEFAULT_MAX_FAILURE_RATE } from '../../../domain/batch/failure-rate.js';
import { MAX_BATCH_ROWS } from '../../../domain/batch/window.js';
import type { RunSettings } from '../../../domain/batch/run-settings.js';
import { budgetOrNone, duration, wholeNumber } from '../../terminal/option-parsers.js';
import type { Spending } from '../../../plan/spending.js';
import type { FlagsOf, NoFlags } from '../../terminal/typed-flags.js';

/** Commander's values for the flags on how to run. */
export type RunningFlags = FlagsOf<typeof withRunningFlags<[], NoFlags, NoFlags>>;

const DEFAULTS: RunSettings = {
  concurrency: 100,
  maxGenerations: 4,
  maxFailureRate: DEFAULT_MAX_FAILURE_RATE,
  graceMs: 10 * 60_000,
  idempotencyHorizonMs: 24 * 3600_000,
  probeFirstMs: 15_000,
  probeLongestMs: 5 * 60_000,
};

/** Adds the flags on how to run, including a canary; `otherwise` describes the defaults, or our own apply. */
export function withRunningFlags<
  Args extends unknown[],
  Flags extends OptionValues,
  Globals extends OptionValues,
>(program: Command<Args, Flags, Globals>, otherwise?: string) {
  const note = otherwise === undefined ? '' : ' (required if the previous run had one)';
  return withCanaryFlags(
    withSettingsFlags(program, otherwise, { spender: 'the run', note }).option(
      '--max-images <n>',
      'start nothing if more images than this would have to be bought',
      wholeNumber(0, MAX_BATCH_ROWS),
    ),
  );
}

/** The same without a canary and a limit of images; `spender` is what a budget is for. */
export function withSettingsFlags<
  Args extends unknown[],
  Flags extends OptionValues,
  Globals extends OptionValues,
>(
  program: Command<Args, Flags, Globals>,
  otherwise: string | undefined,
  { spender, note = '' }: { readonly spender: string; readonly note?: string },
) {
  const by = (own: string): string => ` (default: ${otherwise ?? own})`;
  // Only a run that continues from another one needs flags to undo that one's settings.
  const again = <Usage extends string>(flags: Usage, text: string) =>
    new Option(flags, text).hideHelp(otherwise === undefined);
  return program
    .optionsGroup('Running:')
    .option(
      '--concurrency <n>',
      `maximum number of jobs in flight${by('100')}`,
      wholeNumber(1, MAX_CONCURRENCY),
    )
    .option(
      '--max-generations <n>',
      `maximum number of jobs per row, if they fail for temporary reasons${by('4')}`,
      wholeNumber(1, 20),
    )
    .option(
      '--max-failure-rate <percent>',
      `hold the batch when a higher percentage of its latest generations fails; 100 never holds${by(String(DEFAULT_MAX_FAILURE_RATE))}`,
      wholeNumber(1, 100),
    )
    .option(
      '--budget <amount>',
      `spending limit of ${spender} by BANANA_PRICES, such as 25.00, or none; the batch pauses when it is spent${note}`,
      budgetOrNone,
    )
    .option('--job-timeout <duration>', `fail a row whose job takes longer${by('wait')}`, duration)
    .option('--grace <duration>', `how long jobs in flight may finish after "cancel"${by('10m')}`, duration)
    .option(
      '--idempotency-horizon <duration>',
      `how long an unanswered create may be repeated${by('24h')}`,
      duration,
    )
    .addOption(again('--thumbnails', 'make thumbnails again, after --no-thumbnails'))
    .option('--no-thumbnails', 'make no thumbnails for the contact sheet')
    .option('--near-duplicates', 'find images that look similar; near-duplicates.csv lists them')
    .addOption(again('--no-near-duplicates', 'stop looking for similar images'));
}

function withCanaryFlags<Args extends unknown[], Flags extends OptionValues, Globals extends OptionValues>(
  program: Command<Args, Flags, Globals>,
) {
  return program
    .option(
      '--canary <n>',
      `make N sample rows first (1 to ${MAX_CANARY_ROWS}, spread over the sheet), show them on a page with times and cost, and wait for "resume"`,
      wholeNumber(1, MAX_CANARY_ROWS),
    )
    .option(
      '--canary-wait <duration>',
      'continue without "resume" after this time, if all sample rows were made (default: wait)',
      duration,
    );
}

/** The limits of what may be made and spent, from the flags. */
export function spendingIn({ maxImages, budget }: RunningFlags): Spending {
  return { ...(maxImages !== undefined && { maxImages }), ...(budget !== undefined && { budget }) };
}

/** How to run, from the flags, without money; the rest is as `before`. */
export function runSettings(
  flags: Omit<RunningFlags, keyof Spending>,
  before: RunSettings = DEFAULTS,
): RunSettings {
  const maxFailureRate = flags.maxFailureRate ?? before.maxFailureRate;
  const jobTimeoutMs = flags.jobTimeout ?? before.jobTimeoutMs;
  const thumbnails = flags.thumbnails ?? before.thumbnails;
  const nearDuplicates = flags.nearDuplicates ?? before.nearDuplicates;
  return {
    concurrency: flags.concurrency ?? before.concurrency,
    maxGenerations: flags.maxGenerations ?? before.maxGenerations,
    ...(maxFailureRate !== undefined && { maxFailureRate }),
    ...(jobTimeoutMs !== undefined && { jobTimeoutMs }),
    ...(thumbnails !== undefined && { thumbnails }),
    ...(nearDuplicates !== undefined && { nearDuplicates }),
    graceMs: flags.grace ?? before.graceMs,
    idempotencyHorizonMs: flags.idempotencyHorizon ?? before.idempotencyHorizonMs,
    probeFirstMs: before.probeFirstMs,
    probeLongestMs: before.probeLongestMs,
  };
}
