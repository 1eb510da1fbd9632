import { startSandbox, type SandboxOptions } from '../../src/local/sandbox/index.js';
import { RARE_429S } from '../../test/support/services/rare-429s.js';
import { startTestEngine, type TestEngine } from '../../test/support/stack/test-engine.js';
import { TEST_API_KEY } from '../../test/support/stack/test-services.js';
import { jobTimesOf, measureBatch, OWN_LIMITS } from '../measure/bench-batch.js';
import { listSchedule } from '../measure/list-schedule.js';
import { numberedPrompts } from '../measure/numbered-prompts.js';
import { PROMISE_POOL, runPeer } from '../peers/run-peer.js';
import type { Say } from '../program/bench.js';
import type { BenchRow } from '../program/row.js';

/** One row in a hundred. */
const SLOW_EVERY = 100;
const SLOW_SECONDS = 25;
const POOL_POLL_MS = 2_000;
const FAULTY_SHARE = 0.03;
const FAULTY_JOB_MS = 2_000;

/** The options of the bench. */
interface MainJob {
  readonly rows: number;
  readonly concurrency: number;
  /** Job time in seconds, ± 20 %. */
  readonly seconds: number;
}

/**
 * Measures a batch from its sheet to its final report beside a promise pool that makes the same images: jobs take
 * `seconds` ± 20 %, one in a hundred 25 s. Then one with short jobs in which everything misbehaves now and then.
 */
export async function benchMainJob(options: MainJob, say: Say): Promise<readonly BenchRow[]> {
  return [...(await measureBesidePool(options, say)), ...(await measureFaulty(options, say))];
}

async function measureBesidePool(
  { rows, concurrency, seconds }: MainJob,
  say: Say,
): Promise<readonly BenchRow[]> {
  const sandbox = {
    seed: 'bench',
    blankImages: false,
    jobTimeMs: { min: 800 * seconds, max: 1_200 * seconds },
  };
  const prompts = numberedPrompts('main', rows).map((prompt, row) =>
    row % SLOW_EVERY === SLOW_EVERY / 2 ? `${prompt} [[takes:${SLOW_SECONDS}s]]` : prompt,
  );
  return withEngine(sandbox, async (engine) => {
    const args = ['--concurrency', String(concurrency)];
    say(`a batch of ${rows} jobs of ${seconds} s, ${concurrency} at a time`);
    const { wallMs, events } = await measureBatch(engine, { id: 'bench', prompts, args });
    say('the same by a promise pool');
    const pool = await runPoolOn(engine, sandbox, { prompts: [...prompts], concurrency });
    const jobs = engine.sandbox.jobs();
    const limitMs = listSchedule(jobTimesOf(prompts, jobs), concurrency);
    const what = `${rows} jobs of ${seconds} s, ${concurrency} at a time`;
    const bench = 'main-job';
    const ours = jobs.reduce((sum, { polls }) => sum + polls, 0) / rows;
    return [
      {
        bench,
        what: `time of ${what}`,
        unit: 's',
        ours: wallMs / 1_000,
        peer: { name: PROMISE_POOL.name, figure: pool.wallMs / 1_000 },
        limit: limitMs / 1_000,
        ratioOf: 'limit ÷ ours',
      },
      {
        bench,
        what: 'GETs of jobs per image',
        unit: 'requests',
        ours,
        peer: { name: PROMISE_POOL.name, figure: pool.polls / rows },
        limit: 1,
        ratioOf: 'peer ÷ ours',
      },
      { bench, what: 'history events per image', unit: 'events', ours: events / rows },
    ];
  });
}

/** Runs the pool on the same bucket and a sandbox of its own, where the same prompts take the same times. */
async function runPoolOn(
  { stack }: TestEngine,
  options: SandboxOptions,
  work: { readonly prompts: string[]; readonly concurrency: number },
): Promise<{ readonly wallMs: number; readonly polls: number }> {
  const sandbox = await startSandbox({ ...options, keys: [TEST_API_KEY] });
  try {
    const { apiUrl } = sandbox;
    const { wallMs } = await runPeer(PROMISE_POOL, stack, { ...work, apiUrl, pollMs: POOL_POLL_MS });
    return { wallMs, polls: sandbox.jobs().reduce((sum, { polls }) => sum + polls, 0) };
  } finally {
    await sandbox.close();
  }
}

/** Half as many rows, since retries make the batch much longer than its schedule. */
async function measureFaulty(
  { rows: usualRows, concurrency }: MainJob,
  say: Say,
): Promise<readonly BenchRow[]> {
  const rows = Math.ceil(usualRows / 2);
  const sandbox = {
    seed: 'bench',
    blankImages: false,
    jobTimeMs: { min: FAULTY_JOB_MS, max: FAULTY_JOB_MS },
    everything: FAULTY_SHARE,
    // A lost job is given up only after ten minutes, and nothing else would be seen.
    rates: { ...RARE_429S, 'job-lost': 0 },
  };
  const prompts = numberedPrompts('faulty', rows);
  return withEngine(sandbox, async (engine) => {
    say(`a batch of ${rows} jobs of 2 s, where everything misbehaves in 3 % of all cases`);
    const args = ['--concurrency', String(concurrency)];
    const { wallMs, events } = await measureBatch(engine, { id: 'bench', prompts, args, refuses: true });
    const jobs = engine.sandbox.jobs();
    const what = `${rows} jobs of 2 s, ${concurrency} at a time, 3 % of everything misbehaves`;
    const bench = 'main-job';
    return [
      {
        bench,
        what: `time of ${what}`,
        unit: 's',
        ours: wallMs / 1_000,
        limit: listSchedule(jobTimesOf(prompts, jobs), concurrency) / 1_000,
        ratioOf: 'limit ÷ ours',
      },
      { bench, what: 'jobs per row in that batch', unit: 'jobs', ours: jobs.length / rows },
      { bench, what: 'history events per row in that batch', unit: 'events', ours: events / rows },
    ];
  });
}

async function withEngine<Result>(
  sandbox: SandboxOptions,
  use: (engine: TestEngine) => Promise<Result>,
): Promise<Result> {
  const engine = await startTestEngine({ sandbox });
  try {
    await engine.startWorker({ variables: OWN_LIMITS });
    return await use(engine);
  } finally {
    await engine.stop();
  }
}
