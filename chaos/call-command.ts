import PQueue from 'p-queue';
import { runCommand, type CommandResult } from '../test/support/commands/command-line.js';
import type { ProxiedEngine } from '../test/support/stack/test-engine.js';

const WITHIN_MS = 60_000;

/** A machine that loads dozens of commands at once finishes none of them in time. */
const calls = new PQueue({ concurrency: 4 });

/** Runs a command as a person would, and kills it after a minute; only some run at a time, the others wait. */
export async function callCommand(engine: ProxiedEngine, args: readonly string[]): Promise<CommandResult> {
  return calls.add(() =>
    runCommand(args, { cwd: engine.folder.path, variables: engine.variables, withinMs: WITHIN_MS }),
  );
}
