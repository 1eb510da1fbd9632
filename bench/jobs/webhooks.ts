import getPort from 'get-port';
import type { BatchId } from '../src/domain/rows/ids.js';
import { batchWorkflowId } from '../src/workflows/protocol/names.js';
import { runCommand } from '../test/support/commands/command-line.js';
import { startTestEngine, type TestEngine } from '../test/support/stack/test-engine.js';

const ROWS = 200;
const CONCURRENCY = 100;

/** How the end of jobs is noticed: by polls only, by webhooks, or by polls while a dead receiver is configured. */
const CASES = ['polls', 'webhooks', 'dead-receiver'] as const;
type Case = (typeof CASES)[number];

async function measure(what: Case): Promise<void> {
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
      variables: what === 'polls' ? {} : webhooks,
      args: what === 'webhooks' ? ['--webhooks', String(port)] : [],
    });
    const seconds = await runBatch(engine);
    const { polls, jobsMade } = engine.sandbox.stats();
    const perImage = (polls['200'] ?? 0) / jobsMade;
    console.log(
      `${what}: ${perImage.toFixed(2)} polls per image, ${seconds.toFixed(1)} s for ${ROWS} images`,
    );
  } finally {
    await engine.stop();
  }
}

async function runBatch({ folder, variables, stack }: TestEngine): Promise<number> {
  const sheet = `prompt\n${Array.from({ length: ROWS }, (_, row) => `bench ${row}`).join('\n')}\n`;
  const args = ['submit', '-', '--id', 'bench', '--concurrency', String(CONCURRENCY)];
  const submitted = await runCommand(args, { cwd: folder.path, variables, input: sheet });
  if (submitted.code !== 0) throw new Error(submitted.stderr);
  const handle = stack.temporal.client.workflow.getHandle(batchWorkflowId('bench' as BatchId));
  await handle.result();
  const { startTime, closeTime } = await handle.describe();
  return ((closeTime?.getTime() ?? 0) - startTime.getTime()) / 1000;
}

/**
 * Measures how often a job of 8–25 s is polled with webhooks, without, and with a dead receiver; or only the named
 * cases.
 */
export async function benchWebhooks(names: readonly string[]): Promise<void> {
  for (const what of CASES) if (names.length === 0 || names.includes(what)) await measure(what);
}
