import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { JobListing } from '../src/local/sandbox/index.js';
import { runCommand } from '../test/support/commands/command-line.js';
import { submissionBench } from '../test/support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../test/support/stack/test-engine.js';

/** With 300 jobs, the mean number of polls varies from 3.2 to 3.7 by chance. */
const ROWS = '2000';
const FIXED_MS = 2_000;
const CREATES_PER_SECOND = 5;

/**
 * Measures the load on the API: polls per image and how late they notice a job's end, compared with polls every 2 s
 * after the create (computed for the same jobs), and creates per second under a `rate`. Options: `--rows`,
 * `--concurrency`, and the seconds that a job takes, `--from` and `--to`; with any of them, creates are not measured.
 */
export async function benchApi(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string', default: ROWS },
      concurrency: { type: 'string', default: '250' },
      from: { type: 'string', default: '8' },
      to: { type: 'string', default: '25' },
    },
  });
  const [rows, concurrency] = [Number(values.rows), Number(values.concurrency)];
  const engine = await startTestEngine({
    sandbox: {
      seed: 'bench',
      jobTimeMs: { min: 1_000 * Number(values.from), max: 1_000 * Number(values.to) },
    },
  });
  try {
    await engine.startWorker();
    const unknown = await jobsOf(engine, 'unknown', { rows: concurrency, concurrency });
    tellPolls('polling, job times unknown', unknown);
    tellPolls('polling, job times known', await jobsOf(engine, 'known', { rows, concurrency }));
    if (args.length === 0) await measureRate(engine, concurrency);
  } finally {
    await engine.stop();
  }
}

/** Runs a batch to its end and returns the jobs created for it. */
async function jobsOf(
  engine: TestEngine,
  id: string,
  { rows, concurrency }: { readonly rows: number; readonly concurrency: number },
): Promise<readonly JobListing[]> {
  const before = new Set(engine.sandbox.jobs().map(({ jobId }) => jobId));
  const { command, ended } = submissionBench(() => engine);
  const sheet = `prompt\n${Array.from({ length: rows }, (_, row) => `${id} ${row}`).join('\n')}\n`;
  const args = ['submit', '-', '--id', id, '--concurrency', String(concurrency)];
  const { code, stderr } = await command(args, sheet);
  if (code !== 0) throw new Error(stderr);
  await ended(id);
  return engine.sandbox.jobs().filter(({ jobId }) => !before.has(jobId));
}

function tellPolls(what: string, jobs: readonly JobListing[]): void {
  const own = jobs.flatMap(({ pollsToEnd, noticedAfterMs }) =>
    pollsToEnd === undefined || noticedAfterMs === undefined ? [] : [{ pollsToEnd, noticedAfterMs }],
  );
  const fixed = jobs.map(({ createdAt, finishedAt }) => {
    const pollsToEnd = Math.ceil((finishedAt - createdAt) / FIXED_MS);
    return { pollsToEnd, noticedAfterMs: pollsToEnd * FIXED_MS - (finishedAt - createdAt) };
  });
  const all = jobs.reduce((sum, { polls }) => sum + polls, 0) / jobs.length;
  console.log(
    `${what}: ${jobs.length} jobs, ${noticeText(own)}, ${all.toFixed(2)} GETs including those of copying`,
  );
  console.log(`  every 2 s, the same jobs: ${noticeText(fixed)}`);
}

function noticeText(
  seen: readonly { readonly pollsToEnd: number; readonly noticedAfterMs: number }[],
): string {
  const polls = seen.reduce((sum, { pollsToEnd }) => sum + pollsToEnd, 0) / seen.length;
  const late = seen.map(({ noticedAfterMs }) => noticedAfterMs).toSorted((a, b) => a - b);
  const mean = late.reduce((sum, one) => sum + one, 0) / late.length / 1_000;
  const at = (share: number): string => ((late[Math.floor(late.length * share)] ?? NaN) / 1_000).toFixed(2);
  return `${polls.toFixed(2)} polls per image, end seen after ${mean.toFixed(2)} s (mean), ${at(0.5)} s (median), ${at(0.95)} s (95th percentile)`;
}

const Rates = z.object({ creates: z.object({ perSecond: z.number() }) });

/** Runs a batch of fast jobs with a rate limit on creates. */
async function measureRate(engine: TestEngine, concurrency: number): Promise<void> {
  const { folder, variables } = engine;
  const args = ['rate', `${CREATES_PER_SECOND}/s`, '--json'];
  const { stdout } = await runCommand(args, { cwd: folder.path, variables });
  const { perSecond } = Rates.parse(JSON.parse(stdout)).creates;
  engine.sandbox.configure({ jobTimeMs: { min: 500, max: 1_000 } });
  const jobs = await jobsOf(engine, 'rate', { rows: 150, concurrency });
  const madeMs = jobs.map(({ createdAt }) => createdAt).toSorted((a, b) => a - b);
  const seconds = ((madeMs.at(-1) ?? 0) - (madeMs[0] ?? 0)) / 1_000;
  const most = Math.max(
    ...madeMs.map((from) => madeMs.filter((at) => at >= from && at < from + 1_000).length),
  );
  const seen = ((jobs.length - 1) / seconds).toFixed(2);
  console.log(
    `rate of ${perSecond} creates/s: ${seen} creates/s over ${seconds.toFixed(1)} s, at most ${most} within one second`,
  );
}
