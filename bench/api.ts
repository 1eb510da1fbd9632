import { z } from 'zod';
import type { JobListing } from '../src/local/sandbox/index.js';
import { runCommand } from '../test/support/commands/command-line.js';
import { submissionBench } from '../test/support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../test/support/stack/test-engine.js';

const CONCURRENCY = 250;
/** With 300 jobs, the mean number of polls varies from 3.2 to 3.7 by chance. */
const ROWS = 2_000;
const FIXED_MS = 2_000;
const CREATES_PER_SECOND = 5;

/**
 * Measures the load on the API: polls per image and how late they notice a job's end, compared with polls every 2 s
 * after the create (computed for the same jobs), and creates per second under a `rate`.
 */
export async function benchApi(): Promise<void> {
  const engine = await startTestEngine({
    sandbox: { seed: 'bench', jobTimeMs: { min: 8_000, max: 25_000 } },
  });
  try {
    await engine.startWorker();
    const unknown = await jobsOf(engine, 'unknown', CONCURRENCY);
    tellPolls('polling, job times unknown', unknown);
    tellPolls('polling, job times known', await jobsOf(engine, 'known', ROWS));
    await measureRate(engine);
  } finally {
    await engine.stop();
  }
}

/** Runs a batch to its end and returns the jobs created for it. */
async function jobsOf(engine: TestEngine, id: string, rows: number): Promise<readonly JobListing[]> {
  const before = new Set(engine.sandbox.jobs().map(({ jobId }) => jobId));
  const { command, ended } = submissionBench(() => engine);
  const sheet = `prompt\n${Array.from({ length: rows }, (_, row) => `${id} ${row}`).join('\n')}\n`;
  const args = ['submit', '-', '--id', id, '--concurrency', String(CONCURRENCY)];
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
    `${what}: ${jobs.length} jobs, ${noticeText(own)}, ${all.toFixed(2)} including those of copying`,
  );
  console.log(`  every 2 s, the same jobs: ${noticeText(fixed)}`);
}

function noticeText(
  seen: readonly { readonly pollsToEnd: number; readonly noticedAfterMs: number }[],
): string {
  const polls = seen.reduce((sum, { pollsToEnd }) => sum + pollsToEnd, 0) / seen.length;
  const late = seen.map(({ noticedAfterMs }) => noticedAfterMs).toSorted((a, b) => a - b);
  const at = (share: number): string => ((late[Math.floor(late.length * share)] ?? NaN) / 1_000).toFixed(2);
  return `${polls.toFixed(2)} polls per image, end seen after ${at(0.5)} s (median), ${at(0.95)} s (95th percentile)`;
}

const Rates = z.object({ creates: z.object({ perSecond: z.number() }) });

/** Runs a batch of fast jobs with a rate limit on creates. */
async function measureRate(engine: TestEngine): Promise<void> {
  const { folder, variables } = engine;
  const args = ['rate', `${CREATES_PER_SECOND}/s`, '--json'];
  const { stdout } = await runCommand(args, { cwd: folder.path, variables });
  const { perSecond } = Rates.parse(JSON.parse(stdout)).creates;
  engine.sandbox.configure({ jobTimeMs: { min: 500, max: 1_000 } });
  const jobs = await jobsOf(engine, 'rate', 150);
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
