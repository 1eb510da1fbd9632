import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRecovered } from '../../support/batches/batch-verdict.js';
import { CREATES, POLLS, puts } from '../../support/services/fault-answers.js';
import type { Match, TapMoment } from '../../support/services/fault-proxy.js';
import { startBatch } from '../../support/batches/start-batch.js';
import { startProxiedEngine, type ProxiedEngine } from '../../support/stack/test-engine.js';
import { startTestStack, type TestStack } from '../../support/stack/test-stack.js';

const ROWS = 12;

/** Matches what `match` matches, from the `count`th time on. */
function nth(count: number, match: Match): Match {
  let seen = 0;
  return (request) => match(request) && ++seen >= count;
}

interface Kill {
  readonly phase: string;
  readonly at: keyof ProxiedEngine['proxies'];
  readonly match: Match;
  readonly moment: TapMoment;
  /** Evidence that the kill hit this moment. */
  readonly shows?: (engine: ProxiedEngine) => void;
}

const KILLS: readonly Kill[] = [
  { phase: 'while it writes the rows of a shard (ingest)', at: 's3', match: puts('/rows/'), moment: 'after' },
  { phase: 'between ingest and its record', at: 's3', match: puts('/batch.json'), moment: 'after' },
  { phase: 'before a create is sent', at: 'api', match: nth(5, CREATES), moment: 'before' },
  {
    phase: 'between a create and its record',
    at: 'api',
    match: nth(5, CREATES),
    moment: 'after',
    shows: ({ sandbox }) => expect(sandbox.stats().replays).toBeGreaterThanOrEqual(1),
  },
  { phase: 'while jobs are awaited', at: 'api', match: nth(3, POLLS), moment: 'before' },
  { phase: 'while an image is downloaded', at: 'images', match: nth(3, () => true), moment: 'after' },
  {
    phase: 'between the put of an image and its record',
    at: 's3',
    match: nth(3, puts('/images/train/')),
    moment: 'after',
  },
  { phase: 'before a part of the ledger is written', at: 's3', match: puts('/parts/'), moment: 'before' },
  { phase: 'between a part of the ledger and its record', at: 's3', match: puts('/parts/'), moment: 'after' },
  { phase: 'in the middle of the seal', at: 's3', match: puts('/outcomes.jsonl'), moment: 'after' },
  { phase: 'between the last file and the report', at: 's3', match: puts('/report.json'), moment: 'before' },
  { phase: 'between the report and its record', at: 's3', match: puts('/report.json'), moment: 'after' },
];

describe('a worker killed', { timeout: 400_000 }, () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack();
  });
  afterAll(() => stack?.stop());

  // Each has its own servers except for Temporal and S3, so that they wait for Temporal's time-outs together.
  it.concurrent.for(KILLS)(
    '$phase loses no row and pays none twice',
    async ({ phase, at, match, moment, shows }) => {
      const engine = await startProxiedEngine({ stack, sandbox: { jobTimeMs: { min: 200, max: 600 } } });
      try {
        const worker = await engine.startWorker();
        const kill = engine.proxies[at].tap(match, moment, async () => {
          await worker.end('SIGKILL');
          return 'drop';
        });
        const name = `killed-${KILLS.findIndex((known) => known.phase === phase)}`;
        const handle = await startBatch(stack, {
          name,
          taskQueue: engine.taskQueue,
          apiUrl: engine.apiUrl,
          prompts: Array.from({ length: ROWS }, (_, row) => `${name} ${row}`),
          settings: { concurrency: 6 },
        });
        await kill.happened;
        const faultOver = performance.now();
        await engine.startWorker();
        expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
        await expectRecovered(engine, {
          fault: `worker SIGKILL ${phase}`,
          batchId: name,
          rows: ROWS,
          faultOver,
        });
        shows?.(engine);
      } finally {
        await engine.stop();
      }
    },
  );
});
