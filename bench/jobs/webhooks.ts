import getPort from 'get-port';
import { startTestEngine } from '../../test/support/stack/test-engine.js';
import { jobTimesOf, measureBatch, OWN_LIMITS } from '../measure/bench-batch.js';
import { listSchedule } from '../measure/list-schedule.js';
import { numberedPrompts } from '../measure/numbered-prompts.js';
import type { Say } from '../program/bench.js';
import type { BenchRow } from '../program/row.js';

/** How the end of jobs is noticed: by polls only, by webhooks, or by polls while a dead receiver is configured. */
const CASES = ['polls only', 'webhooks', 'dead webhook receiver'] as const;
type Case = (typeof CASES)[number];

/** The options of the bench. */
interface Webhooks {
  readonly rows: number;
  readonly concurrency: number;
}

/** Measures how often a job of 8–25 s is polled with webhooks, without, and with a dead receiver. */
export async function benchWebhooks(options: Webhooks, say: Say): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const what of CASES) {
    say(`a batch of ${options.rows} rows: ${what}`);
    rows.push(...(await measure(what, options)));
  }
  return rows;
}

async function measure(what: Case, { rows, concurrency }: Webhooks): Promise<readonly BenchRow[]> {
  const port = await getPort();
  const webhooks = {
    BANANA_WEBHOOK_URL: `http://127.0.0.1:${port}`,
    BANANA_WEBHOOK_SECRET: '0123456789abcdef'.repeat(4),
  };
  const engine = await startTestEngine({
    sandbox: { seed: 'bench', jobTimeMs: { min: 8_000, max: 25_000 } },
  });
  try {
    await engine.startWorker({
      variables: { ...OWN_LIMITS, ...(what !== 'polls only' && webhooks) },
      args: what === 'webhooks' ? ['--webhooks', String(port)] : [],
    });
    const prompts = numberedPrompts('bench', rows);
    const args = ['--concurrency', String(concurrency)];
    const { wallMs } = await measureBatch(engine, { id: 'bench', prompts, args });
    const { polls } = engine.sandbox.stats();
    const limitMs = listSchedule(jobTimesOf(prompts, engine.sandbox.jobs()), concurrency);
    const bench = 'webhooks';
    return [
      {
        bench,
        what: `GETs of jobs per image, ${what}`,
        unit: 'requests',
        ours: (polls['200'] ?? 0) / rows,
        limit: 1,
        ratioOf: 'ours ÷ limit',
      },
      {
        bench,
        what: `time of ${rows} jobs of 8–25 s, ${concurrency} at a time, ${what}`,
        unit: 's',
        ours: wallMs / 1_000,
        limit: limitMs / 1_000,
        ratioOf: 'limit ÷ ours',
      },
    ];
  } finally {
    await engine.stop();
  }
}
