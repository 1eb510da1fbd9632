import type { Command, CommandContext, ExitCode } from '../terminal/command-context.js';
import { loadDotEnv, readConfig } from '../../config.js';
import { findStack } from '../../local/servers/stack-info.js';
import { listenForInterruption } from './interruption.js';

/** The environment of the program. */
export interface Surroundings {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Makes a command's context; called once, and only if a command runs, so not for `--help`. */
  readonly open: () => Promise<OpenContext>;
}

/** A context, and resources that it holds until the command has ended. */
interface OpenContext extends CommandContext {
  readonly close?: () => Promise<void>;
}

/** This process with its streams, folder and environment; the first Ctrl-C or SIGTERM asks the command to end, the second exits the process. */
export const THIS_PROCESS: Surroundings = {
  stdout: process.stdout,
  stderr: process.stderr,
  open: openContext,
};

async function openContext(): Promise<OpenContext> {
  const cwd = process.cwd();
  loadDotEnv(cwd);
  const found = await findStack(cwd);
  // Keeps this folder's servers running for this command, even if other commands end meanwhile.
  const held =
    found && (await import('../../local/keeper/stack.js').then(({ holdStack }) => holdStack(found)));
  const stack = held?.info;
  return {
    cwd,
    environment: process.env,
    config: readConfig(process.env, stack),
    stack,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    ...listenForInterruption(),
    ...(held && { serverLost: held.serverLost, close: () => held.stop() }),
  };
}

type Perform = <Options>(load: () => Promise<Command<Options>>, options: Options) => Promise<ExitCode>;

/** Runs commands, whose modules are loaded only then: `--help` stays fast. */
export interface Performer {
  readonly perform: Perform;
  /** Runs a command that needs only the bucket: this folder's own works even if nothing is running. */
  readonly onBucket: Perform;
}

export function performerIn({ open }: Surroundings): Performer {
  const perform: Perform = async (load, options) => {
    // Must be set before the AWS SDK is loaded; we choose the supported Node versions ourselves.
    process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
    const context = await open();
    try {
      const command = await load();
      return await command(context, options);
    } finally {
      await context.close?.();
    }
  };
  return {
    perform,
    onBucket: async (load, options) =>
      perform(async () => {
        const { withFolderBucket } = await import('../terminal/engine.js');
        const command = await load();
        return (context, given: typeof options) =>
          withFolderBucket(context, (found) => command(found, given));
      }, options),
  };
}

/** Examples for the end of a command's help, with a note on what each does if useful. */
export function example(
  command: string,
  note?: string,
  ...more: readonly (readonly [string, string?])[]
): string {
  const lines = [[command, note] as const, ...more].map(
    ([line, what]) => `  $ ${line}${what ? `   # ${what}` : ''}\n`,
  );
  return `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.join('')}`;
}
