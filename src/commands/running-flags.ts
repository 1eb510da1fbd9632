import type { Command as Program } from 'commander';
import { MAX_CONCURRENCY } from '../domain/batch-settings.js';
import { DEFAULT_MAX_FAILURE_RATE } from '../domain/failure-rate.js';
import type { RunSettings } from '../workflows/messages.js';
import { duration, wholeNumber } from './option-parsers.js';

/** What commander hands over of the flags that say how to run. */
export interface RunningFlags {
  readonly concurrency?: number;
  readonly maxGenerations?: number;
  readonly maxFailureRate?: number;
  readonly jobTimeout?: number;
  readonly grace?: number;
  readonly idempotencyHorizon?: number;
}

const DEFAULTS: RunSettings = {
  concurrency: 100,
  maxGenerations: 4,
  maxFailureRate: DEFAULT_MAX_FAILURE_RATE,
  graceMs: 10 * 60_000,
  idempotencyHorizonMs: 24 * 3600_000,
  probeFirstMs: 15_000,
  probeLongestMs: 5 * 60_000,
};

/** Adds the flags that say how to run; what is left out is as `otherwise` tells, or our own default. */
export function withRunningFlags(program: Program, otherwise?: string): Program {
  const by = (own: string): string => ` (default: ${otherwise ?? own})`;
  return program
    .optionsGroup('Running:')
    .option(
      '--concurrency <n>',
      `most unfinished jobs at a time${by('100')}`,
      wholeNumber(1, MAX_CONCURRENCY),
    )
    .option(
      '--max-generations <n>',
      `most jobs a row may use when they fail for passing reasons${by('4')}`,
      wholeNumber(1, 20),
    )
    .option(
      '--max-failure-rate <percent>',
      `hold the batch where more of its last generations fail; 100 never does${by(String(DEFAULT_MAX_FAILURE_RATE))}`,
      wholeNumber(1, 100),
    )
    .option('--job-timeout <duration>', `fail a row whose job takes longer${by('wait')}`, duration)
    .option('--grace <duration>', `for jobs in flight when the batch is cancelled${by('10m')}`, duration)
    .option(
      '--idempotency-horizon <duration>',
      `how long an unanswered create may be repeated${by('24h')}`,
      duration,
    );
}

/** How to run by the flags; what they do not say is as `before`. */
export function runSettings(flags: RunningFlags, before: RunSettings = DEFAULTS): RunSettings {
  const maxFailureRate = flags.maxFailureRate ?? before.maxFailureRate;
  const jobTimeoutMs = flags.jobTimeout ?? before.jobTimeoutMs;
  return {
    concurrency: flags.concurrency ?? before.concurrency,
    maxGenerations: flags.maxGenerations ?? before.maxGenerations,
    ...(maxFailureRate !== undefined && { maxFailureRate }),
    ...(jobTimeoutMs !== undefined && { jobTimeoutMs }),
    graceMs: flags.grace ?? before.graceMs,
    idempotencyHorizonMs: flags.idempotencyHorizon ?? before.idempotencyHorizonMs,
    probeFirstMs: before.probeFirstMs,
    probeLongestMs: before.probeLongestMs,
  };
}
