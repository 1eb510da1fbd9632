import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { runCommand, type Variables } from '../../test/support/commands/command-line.js';

const USAGE_AT_EXIT = pathToFileURL(path.resolve(import.meta.dirname, 'usage-at-exit.mjs')).href;
const Usage = z.object({ peakBytes: z.number(), cpuMs: z.number() });

/** What a process has used, from its start to its end. */
export interface CommandUsage {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakBytes: number;
}

/**
 * Runs the built command, or another program for Node, to its end.
 * @throws if its exit code is not 0.
 */
export async function measureCommand(
  args: readonly string[],
  options: { readonly cwd: string; readonly variables?: Variables; readonly program?: string },
): Promise<CommandUsage> {
  const variables = { ...options.variables, NODE_OPTIONS: `--import=${USAGE_AT_EXIT}` };
  const startedAtMs = performance.now();
  const { code, stderr } = await runCommand(args, { ...options, variables });
  const wallMs = performance.now() - startedAtMs;
  if (code !== 0) throw new Error(`${args.join(' ')} has ended with exit code ${String(code)}: ${stderr}`);
  const [, used = ''] = /^usage (.*)$/m.exec(stderr) ?? [];
  return { wallMs, ...Usage.parse(JSON.parse(used)) };
}
