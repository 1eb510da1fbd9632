import { z } from 'zod';
import type { JobListing } from '../../src/local/sandbox/index.js';
import { runCommand } from '../../test/support/commands/command-line.js';
import { startTestEngine, type TestEngine } from '../../test/support/stack/test-engine.js';
import { measureBatch, OWN_LIMITS } from '../measure/bench-batch.js';
import { numberedPrompts } from '../measure/numbered-prompts.js';
import { mean, quantile } from '../measure/statistics.js';
import type { Say } from '../program/bench.js';
import { peerOf, type BenchRow } from '../program/row.js';

const FIXED_MS = 2_000;
const FIXED_NAME = 'every 2 s';
const CREATES_PER_SECOND = 5;
const RATED_ROWS = 100;

/** The options of the bench. */
interface ApiLoad {
  readonly rows: number;
  readonly concurrency: number;
  /** The range of job times in seconds. */
  readonly from: number;
  readonly to: number;
}

/**
 * Measures the load on the API: polls per image and how late they notice a job's end, compared with polls every 2 s
 * after the create (computed for the same jobs), and creates per second under a `rate`.
 */
export async function benchApi(
  { rows, concurrency, from, to }: ApiLoad,
  say: Say,
): Promise<readonly BenchRow[]> {
  const jobTimeMs = { min: 1_000 * from, max: 1_000 * to };
  const engine = await startTestEngine({ sandbox: { seed: 'bench', jobTimeMs } });
  try {
    await engine.startWorker({ variables: OWN_LIMITS });
    say(`a batch of ${concurrency} rows, by a worker that does not know yet how long jobs take`);
    const unknown = await jobsOf(engine, 'unknown', { rows: concurrency, concurrency });
    say(`a batch of ${rows} rows, by the same worker`);
    const known = await jobsOf(engine, 'known', { rows, concurrency });
    return [
      ...pollRows('job times unknown', unknown),
      ...pollRows('job times known', known),
      ...(await measureRate(engine, say)),
    ];
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
  const args = ['--concurrency', String(concurrency)];
  await measureBatch(engine, { id, prompts: numberedPrompts(id, rows), args });
  return engine.sandbox.jobs().filter(({ jobId }) => !before.has(jobId));
}

function pollRows(when: string, jobs: readonly JobListing[]): readonly BenchRow[] {
  const own = jobs.flatMap(({ pollsToEnd, noticedAfterMs }) =>
    pollsToEnd === undefined || noticedAfterMs === undefined ? [] : [{ pollsToEnd, noticedAfterMs }],
  );
  const fixed = jobs.map(({ createdAt, finishedAt }) => {
    const pollsToEnd = Math.max(1, Math.ceil((finishedAt - createdAt) / FIXED_MS));
    return { pollsToEnd, noticedAfterMs: pollsToEnd * FIXED_MS - (finishedAt - createdAt) };
  });
  const [ours, peer] = [own, fixed].map((seen) => ({
    polls: mean(seen.map(({ pollsToEnd }) => pollsToEnd)),
    late: seen.map(({ noticedAfterMs }) => noticedAfterMs / 1_000),
  }));
  if (!ours || !peer) return [];
  const common = { bench: 'api', ratioOf: 'peer ÷ ours' } as const;
  return [
    {
      ...common,
      what: `polls up to the end of a job, ${when}, ${jobs.length} jobs`,
      unit: 'requests',
      ours: ours.polls,
      peer: peerOf(FIXED_NAME, peer.polls),
      limit: 1,
    },
    {
      ...common,
      what: `GETs of jobs per image with those of copying, ${when}`,
      unit: 'requests',
      ours: mean(jobs.map(({ polls }) => polls)),
      peer: peerOf(FIXED_NAME, peer.polls),
      limit: 1,
    },
    {
      ...common,
      what: `end noticed after, ${when}, mean`,
      unit: 's',
      ours: mean(ours.late),
      peer: peerOf(FIXED_NAME, mean(peer.late)),
      limit: 0,
    },
    {
      ...common,
      what: `end noticed after, ${when}, 95th percentile`,
      unit: 's',
      ours: quantile(ours.late, 0.95),
      peer: peerOf(FIXED_NAME, quantile(peer.late, 0.95)),
      limit: 0,
    },
  ];
}

const Rates = z.object({ creates: z.object({ perSecond: z.number() }) });

/** Runs a batch of fast jobs with a rate limit on creates. */
async function measureRate(engine: TestEngine, say: Say): Promise<readonly BenchRow[]> {
  const { folder, variables } = engine;
  const args = ['rate', `${CREATES_PER_SECOND}/s`, '--json'];
  const { stdout } = await runCommand(args, { cwd: folder.path, variables });
  const { perSecond } = Rates.parse(JSON.parse(stdout)).creates;
  engine.sandbox.configure({ jobTimeMs: { min: 500, max: 1_000 } });
  say(`a batch of ${RATED_ROWS} rows at ${perSecond} creates per second`);
  const jobs = await jobsOf(engine, 'rate', { rows: RATED_ROWS, concurrency: RATED_ROWS });
  const madeMs = jobs.map(({ createdAt }) => createdAt).toSorted((a, b) => a - b);
  const seconds = ((madeMs.at(-1) ?? 0) - (madeMs[0] ?? 0)) / 1_000;
  const most = Math.max(
    ...madeMs.map((from) => madeMs.filter((at) => at >= from && at < from + 1_000).length),
  );
  const common = { bench: 'api', unit: 'creates/s', limit: perSecond, ratioOf: 'ours ÷ limit' } as const;
  const what = `under a rate of ${perSecond} creates/s`;
  return [
    { ...common, what: `creates ${what}`, ours: (jobs.length - 1) / seconds },
    { ...common, what: `most creates within a second ${what}`, ours: most },
  ];
}
