import { soundParts, type ConfigPart } from '../../config.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { checkApi, checkClock } from './api.js';
import { checkBucket } from './bucket.js';
import type { CheckResult, Finding } from './check.js';
import { checkPrograms, configurationResults, nodeFinding, restingPart, workerFinding } from './local.js';
import { checkNotices, checkWebhooks } from './webhooks.js';
import { checkTemporal } from './temporal.js';
import { coloursFor } from '../watch/status-text.js';
import { oneLine } from '../terminal/table.js';

export interface DoctorOptions {
  readonly json: boolean;
  /** Sends a test notice. Default false. */
  readonly notify?: boolean;
}

/** Checks everything a batch needs and says what to fix. Exits with 2 if something is missing or does not work; warnings do not count. */
export const doctor: Command<DoctorOptions> = async (context, options) => {
  const { environment, interrupted, stdout } = context;
  const config = soundParts(context.config);
  // An invalid part is reported separately, and not as missing.
  const unless = async <Found>(part: ConfigPart, check: () => Promise<Found>): Promise<Found | []> =>
    config.problems.has(part) ? [] : check();
  const rests = (part: 'temporal' | 'bucket' | 'api'): readonly CheckResult[] | undefined =>
    restingPart({ config, cwd: context.cwd }, part);
  const [worker, temporal, bucket, api, clock, webhooks, notices] = await Promise.all([
    workerFinding(),
    unless('temporal', async () => rests('temporal') ?? checkTemporal(config, interrupted)),
    unless('bucket', async () => rests('bucket') ?? checkBucket(config, interrupted)),
    unless('api', async () => rests('api') ?? [await checkApi(config, interrupted)]),
    checkClock(config, interrupted),
    checkWebhooks(config, interrupted),
    unless('notices', () => checkNotices(config, { test: options.notify ?? false }, interrupted)),
  ]);
  if (interrupted.aborted) return EXIT.interrupted;
  const checks: readonly CheckResult[] = [
    { name: 'node', ...nodeFinding(process.versions.node) },
    { name: 'worker code', ...worker },
    ...configurationResults(config),
    ...temporal,
    ...bucket,
    ...api,
    clock,
    ...webhooks,
    ...notices,
    ...checkPrograms(environment),
  ];
  const problems = checks.filter(({ state }) => state === 'problem').length;
  if (options.json) {
    stdout.write(`${JSON.stringify({ ok: problems === 0, checks })}\n`);
  } else {
    const colours = coloursFor(stdout, environment);
    const paint = { ok: colours.green, warning: colours.yellow, problem: colours.red };
    stdout.write(checks.map((result) => resultText(result, paint)).join(''));
    stdout.write(`\n${summaryOf(checks, problems)}\n`);
  }
  return problems > 0 ? EXIT.refused : EXIT.ok;
};

const WIDEST_STATE = 'problem'.length;
const WIDEST_NAME = 'bucket put if unchanged'.length;

function resultText(
  { name, state, message, advice }: CheckResult,
  paint: Readonly<Record<Finding['state'], (text: string) => string>>,
): string {
  const line = `${paint[state](state.padEnd(WIDEST_STATE))}  ${name.padEnd(WIDEST_NAME)}  ${oneLine(message)}\n`;
  return advice ? `${line}${' '.repeat(WIDEST_STATE + WIDEST_NAME + 4)}→ ${oneLine(advice)}\n` : line;
}

function summaryOf(checks: readonly CheckResult[], problems: number): string {
  const warnings = checks.filter(({ state }) => state === 'warning').length;
  if (problems > 0) return `${counted(problems, 'problem')} to fix, ${counted(warnings, 'warning')}.`;
  return warnings > 0 ? `Everything needed works; ${counted(warnings, 'warning')}.` : 'Everything works.';
}

function counted(count: number, name: string): string {
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
