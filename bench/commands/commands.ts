import path from 'node:path';
import { startTestEngine } from '../../test/support/stack/test-engine.js';
import { measureBatch, OWN_LIMITS } from '../measure/bench-batch.js';
import { numberedPrompts } from '../measure/numbered-prompts.js';
import { median } from '../measure/statistics.js';
import type { Say } from '../program/bench.js';
import type { BenchRow } from '../program/row.js';
import { measureCommand, type CommandUsage } from './measured-command.js';

const EMPTY_PROGRAM = path.resolve(import.meta.dirname, '../peers/empty-program.mjs');
const COMMANDS = [['--help'], ['status', 'bench'], ['list']] as const;

/**
 * Measures commands on running servers, each `times` in turns with the start of Node alone, which is their limit; the
 * medians count.
 */
export async function benchCommands(
  { times }: { readonly times: number },
  say: Say,
): Promise<readonly BenchRow[]> {
  const engine = await startTestEngine({ sandbox: { seed: 'bench', jobTimeMs: { min: 0, max: 0 } } });
  try {
    await engine.startWorker({ variables: OWN_LIMITS });
    say('a batch of 20 rows to show');
    await measureBatch(engine, { id: 'bench', prompts: numberedPrompts('bench', 20) });
    const { folder, variables } = engine;
    const cwd = folder.path;
    const bare: CommandUsage[] = [];
    const used = COMMANDS.map((): CommandUsage[] => []);
    for (let time = 1; time <= times; time += 1) {
      say(`${COMMANDS.map(([name]) => name).join(', ')}: ${time} of ${times}`);
      bare.push(await measureCommand([], { cwd, program: EMPTY_PROGRAM }));
      for (const [index, command] of COMMANDS.entries()) {
        used[index]?.push(await measureCommand(command, { cwd, variables }));
      }
    }
    return COMMANDS.flatMap(([name], index) => {
      const usages = used[index] ?? [];
      const common = { bench: 'commands', unit: 'ms', ratioOf: 'limit ÷ ours' } as const;
      return [
        {
          ...common,
          what: `time of "${name}", median of ${times}`,
          ours: median(usages.map(({ wallMs }) => wallMs)),
          limit: median(bare.map(({ wallMs }) => wallMs)),
        },
        {
          ...common,
          what: `CPU time of "${name}", median of ${times}`,
          ours: median(usages.map(({ cpuMs }) => cpuMs)),
          limit: median(bare.map(({ cpuMs }) => cpuMs)),
        },
      ];
    });
  } finally {
    await engine.stop();
  }
}
