import { EXIT, type Command, type CommandContext, type ExitCode } from '../commands/command-context.js';
import { loadDotEnv, readConfig } from '../config.js';
import { findStack } from '../embedded/stack-info.js';

/** The process as far as commands see it; Ctrl-C aborts once, and ends the process the second time. */
async function openContext(): Promise<CommandContext> {
  const cwd = process.cwd();
  loadDotEnv(cwd);
  const stack = await findStack(cwd);
  return {
    cwd,
    environment: process.env,
    config: readConfig(process.env, stack),
    stack,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    interrupted: interruptions(),
  };
}

function interruptions(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    process.stderr.write('\nStopping; once more ends it at once.\n');
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}

/** Runs a command, which is loaded only now: `--help` stays quick. */
export async function perform<Options>(
  load: () => Promise<Command<Options>>,
  options: Options,
): Promise<ExitCode> {
  // Must stand before the AWS SDK is loaded; the supported versions are our own affair.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const context = await openContext();
  const command = await load();
  return command(context, options);
}

/** Runs a command that needs the bucket alone: it works on this folder's even while nothing runs. */
export async function look<Options>(
  load: () => Promise<Command<Options>>,
  options: Options,
): Promise<ExitCode> {
  return perform(async () => {
    const { withFolderBucket } = await import('../commands/engine.js');
    const command = await load();
    return (context, given) => withFolderBucket(context, (found) => command(found, given));
  }, options);
}

/** An example for the end of a command's help. */
export function example(command: string, note?: string): string {
  return `\nExample:\n  $ ${command}${note ? `   # ${note}` : ''}\n`;
}
