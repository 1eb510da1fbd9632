import type { StackInfo } from '../../local/servers/stack-info.js';
import type { Config } from '../../config.js';

/** Everything that a command gets from its process; commands read and write nothing else of it. */
export interface CommandContext {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly config: Config;
  /** The stack that is running in this folder, if any. */
  readonly stack: StackInfo | undefined;
  /** Resolves if a server of that stack ends, with what happened. */
  readonly serverLost?: Promise<Error>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted by the first Ctrl-C or SIGTERM; a second one exits the process at once. */
  readonly interrupted: AbortSignal;
  /** Prints what is still finished after that, such as `the worker`; without it the process exits within a second. */
  readonly finishing: (what: string) => void;
}

/** Exit codes; scripts rely on them. */
export const EXIT = {
  ok: 0,
  /** Finished with rows failed, rejected or cancelled. */
  incomplete: 1,
  /** The request was wrong, or something it needs is missing. */
  refused: 2,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command: does its work, prints, and returns the exit code. Throws errors that `refusalOf` can explain. */
export type Command<Options> = (context: CommandContext, options: Options) => Promise<ExitCode>;
