import { EXIT, type Command } from '../terminal/command-context.js';
import { describeEngine, withEngine } from '../terminal/engine.js';

export interface DevOptions {
  readonly json: boolean;
}

/** Runs the local servers and a worker in the foreground until Ctrl-C; commands in the same folder find them. */
export const dev: Command<DevOptions> = (context, options) =>
  withEngine(
    context,
    async (engine) => {
      const { stdout, stderr, cwd, interrupted } = context;
      stderr.write(describeEngine(engine, cwd));
      const { temporal, bucket, api } = engine.config;
      if (options.json) {
        const parts = {
          temporal: temporal && {
            address: temporal.address,
            namespace: temporal.namespace,
            uiUrl: temporal.uiUrl,
          },
          bucket: bucket && { bucket: bucket.bucket, prefix: bucket.prefix, endpoint: bucket.s3.endpoint },
          api: api && { baseUrl: api.baseUrl },
        };
        stdout.write(`${JSON.stringify(parts)}\n`);
      }
      stderr.write('Ready. In another terminal, in this folder: npx banana-batch run examples/prompts.csv\n');
      stderr.write(
        'Ctrl-C stops it, and the servers unless another command in this folder uses them; data stays in .banana-batch/.\n',
      );
      const ended = await Promise.race([engine.lost, aborted(interrupted)]);
      if (ended) throw ended;
      stderr.write('Stopping …\n');
      return EXIT.ok;
    },
    { single: 'dev' },
  );

/** Resolves once the signal is aborted. */
export async function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
