import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { ChaosOptions } from './plan.js';
import { runChaos } from './run-chaos.js';

const USAGE = 'npm run chaos -- --minutes 10 --seed 42 [--workers 2]';

const Options = z.object({
  minutes: z.coerce.number().min(0.1).max(600),
  seed: z.string().min(1),
  workers: z.coerce.number().int().min(1).max(8).exactOptional(),
});

/** The exit code: 0 if every batch is correct, 1 if not, 2 for wrong arguments, 130 if interrupted. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (typeof options === 'string') {
    console.error(`${options}\n${USAGE}`);
    return 2;
  }
  const interrupted = new AbortController();
  // A second one ends this process at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  return runChaos(options, interrupted.signal);
}

/** The options of the run, or what is wrong with the arguments. */
function readOptions(args: readonly string[]): ChaosOptions | string {
  const seed = String(Math.floor(Math.random() * 1_000_000));
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { minutes: { type: 'string' }, seed: { type: 'string' }, workers: { type: 'string' } },
    });
    const { success, data, error } = Options.safeParse({ minutes: '10', seed, ...values });
    return success ? data : z.prettifyError(error);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

process.exitCode = await main(process.argv.slice(2));
