import { Socket } from 'node:net';
import type { Config } from '../../../src/config.js';
import type { Command, CommandContext, ExitCode } from '../../../src/cli/terminal/command-context.js';

/** A stream that keeps what is written to it; claims to be a pipe, or a terminal of the given width. */
export class CapturedStream extends Socket {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows = 24;
  readonly #chunks: Buffer[] = [];

  constructor(columns?: number) {
    super();
    this.isTTY = columns !== undefined;
    this.columns = columns ?? 0;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(Buffer.from(chunk));
    done();
  }

  override _final(done: () => void): void {
    done();
  }

  clearLine(): boolean {
    return true;
  }

  clearScreenDown(): boolean {
    return true;
  }

  cursorTo(): boolean {
    return true;
  }

  moveCursor(): boolean {
    return true;
  }

  getColorDepth(): number {
    return 1;
  }

  hasColors(): boolean {
    return false;
  }

  getWindowSize(): [number, number] {
    return [this.columns, this.rows];
  }
}

/** A command's output, and its exit code. */
export interface CommandRun {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandRunOptions {
  readonly config?: Partial<Config>;
  readonly environment?: CommandContext['environment'];
  readonly interrupted?: AbortSignal;
  /** Width of the terminal in cells; a pipe if left out. */
  readonly columns?: number;
  /** Sees stdout while the command runs. */
  readonly onStart?: (stdout: CapturedStream) => unknown;
}

/** Runs a command with captured streams. Nothing is configured except `config`. */
export async function performCommand<Options>(
  command: Command<Options>,
  options: Options,
  {
    config,
    environment = {},
    interrupted = new AbortController().signal,
    columns,
    onStart,
  }: CommandRunOptions = {},
): Promise<CommandRun> {
  const stdout = new CapturedStream(columns);
  const stderr = new CapturedStream();
  onStart?.(stdout);
  const context: CommandContext = {
    cwd: '/',
    environment,
    config: {
      temporal: undefined,
      bucket: undefined,
      api: undefined,
      allowPrivateAddresses: false,
      taskQueue: 'test',
      prices: undefined,
      webhooks: undefined,
      notices: undefined,
      problems: new Map(),
      ...config,
    },
    stack: undefined,
    stdin: process.stdin,
    stdout,
    stderr,
    interrupted,
    finishing: () => undefined,
  };
  try {
    const code = await command(context, options);
    return { code, stdout: stdout.text, stderr: stderr.text };
  } finally {
    stdout.destroy();
    stderr.destroy();
  }
}
