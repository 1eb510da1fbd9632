import { Socket } from 'node:net';
import { main } from '../../../src/cli.js';
import { readConfig, type Config } from '../../../src/config.js';
import { findStack } from '../../../src/local/servers/stack-info.js';
import type { CommandResult, Variables } from './command-line.js';
import { CapturedStream } from './command-run.js';

/** Standard input as a pipe with the content `input`. */
class GivenInput extends Socket {
  readonly isTTY = false;
  readonly isRaw = false;

  constructor(input: string | Buffer) {
    super();
    this.push(input);
    this.push(null);
  }

  override _read(): void {}

  setRawMode(): this {
    return this;
  }
}

/**
 * Runs a command line to its end as `runCommand` does, without the second and a half to load a separate process. Not
 * for tests of the process itself: it ignores signals, terminals and `.env`, and of the AWS variables it uses only
 * those of `bucketVariables`.
 */
export async function runInProcess(
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly variables: Variables;
    readonly input?: string | Buffer;
  },
): Promise<CommandResult> {
  const { cwd, variables, input = '' } = options;
  const [stdin, stdout, stderr] = [new GivenInput(input), new CapturedStream(), new CapturedStream()];
  try {
    const code = await main(args, {
      stdout,
      stderr,
      open: async () => {
        const stack = await findStack(cwd);
        return {
          cwd,
          environment: variables,
          config: withCredentials(readConfig(variables, stack), variables),
          stack,
          stdin,
          stdout,
          stderr,
          interrupted: new AbortController().signal,
          finishing: () => undefined,
        };
      },
    });
    return { code, stdout: stdout.text, stderr: stderr.text };
  } finally {
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  }
}

/** The AWS SDK reads these only from the environment of the process. */
function withCredentials(config: Config, variables: Variables): Config {
  const {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  } = variables;
  if (config.problems.has('bucket')) return config;
  const { bucket } = config;
  if (!bucket || !region || !accessKeyId || !secretAccessKey) return config;
  const s3 = { ...bucket.s3, region, credentials: { accessKeyId, secretAccessKey } };
  return Object.defineProperty(config, 'bucket', { value: { ...bucket, s3 }, enumerable: true });
}
