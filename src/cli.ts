#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import {
  Command as Program,
  CommanderError,
  Help,
  type CommandUnknownOpts,
} from '@commander-js/extra-typings';
import { EXIT, type ExitCode } from './cli/terminal/command-context.js';
import { InterruptedError } from './errors.js';
import { addActCommands } from './cli/program/act-commands.js';
import { addReadCommands } from './cli/program/read-commands.js';
import {
  example,
  performerIn,
  THIS_PROCESS,
  type Performer,
  type Surroundings,
} from './cli/program/perform.js';
import { addScheduleCommands } from './cli/program/schedule-commands.js';
import { addServeCommands } from './cli/program/serve-commands.js';
import { addStartCommands } from './cli/program/start-commands.js';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** All commands with their help; `end` is called with the exit code of the command that ran. */
export function buildProgram(
  end: (code: ExitCode) => void,
  performer: Performer = performerIn(THIS_PROCESS),
): Program {
  const program = new Program('banana-batch')
    .description(
      'Turns a sheet of prompts into images in your own S3 bucket: durable, restartable, never paid twice.',
    )
    .version(version)
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .helpCommand(false)
    .addHelpText(
      'after',
      example('banana-batch run examples/prompts.csv', 'everything local, nothing to set up'),
    );
  addStartCommands(program, end, performer);
  addReadCommands(program, end, performer);
  addActCommands(program, end, performer);
  addScheduleCommands(program, end, performer);
  addServeCommands(program, end, performer);
  return program;
}

/**
 * Runs the command in `argv` (without node and script), by default in this process's own environment. Resolves with
 * the exit code; explains refusals on stderr.
 */
export async function main(
  argv: readonly string[],
  surroundings: Surroundings = THIS_PROCESS,
): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  let code: ExitCode = EXIT.ok;
  const program = buildProgram((ended) => (code = ended), performerIn(surroundings));
  for (const [command, called] of [[program, program.name()] as const, ...namedCommands(program)]) {
    // A flag that is off by default needs no default in the help.
    command.configureHelp({
      optionDescription: (option) =>
        Help.prototype.optionDescription(option).replace(/ \(default: false\)$/, ''),
    });
    command.exitOverride().configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) =>
        write(
          `${text
            .replace(/^error: /, '')
            .trim()
            .replaceAll('\n', ' ')
            .replace(/[^.?!)]$/, '$&.')} See: ${called} --help\n`,
        ),
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.refused;
    if (error instanceof InterruptedError) return EXIT.interrupted;
    stderr.write(`${await textOf(error)}\n`);
    return EXIT.refused;
  }
}

/** All commands below one, each with its full name. */
function namedCommands(
  parent: CommandUnknownOpts,
  called = parent.name(),
): readonly (readonly [CommandUnknownOpts, string])[] {
  return parent.commands.flatMap((command) => {
    const name = `${called} ${command.name()}`;
    return [[command, name] as const, ...namedCommands(command, name)];
  });
}

/** What to say of an error, even if files of this program are missing. */
async function textOf(error: unknown): Promise<string> {
  try {
    const { refusalOf } = await import('./cli/terminal/refusal.js');
    return refusalOf(error) ?? unexpected(error);
  } catch {
    return unexpected(error);
  }
}

function unexpected(error: unknown): string {
  if (process.env['BANANA_DEBUG'] && error instanceof Error) return error.stack ?? error.message;
  const message = error instanceof Error ? error.message : String(error);
  return `Unexpected error: ${message.split('\n')[0]}. Set BANANA_DEBUG=1 to see where it happened, and please report it.`;
}

/** Time for connections to close by themselves. */
const LINGERS_MS = 5_000;

const invoked = process.argv[1];
if (invoked && realpathSync(invoked) === fileURLToPath(import.meta.url)) {
  const end = async (error: unknown): Promise<void> => {
    process.off('uncaughtException', stop);
    process.stderr.write(`${await textOf(error)}\n`);
    process.exit(EXIT.refused);
  };
  const stop = (error: unknown): void => void end(error);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader closed the pipe, as `head` does.
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    void end(Object.assign(error, { path: 'standard output' }));
  });
  // An unprintable message must not hide the command's result.
  process.stderr.on('error', () => undefined);
  process.on('uncaughtException', stop);
  process.exitCode = await main(process.argv.slice(2));
  // The command has ended, even if a library still waits, as Temporal's SDK does if its namespace is gone.
  setTimeout(() => process.exit(), LINGERS_MS).unref();
}
