import path from 'node:path';
import type { Config } from '../../config.js';
import type { BatchStatus } from '../../status/status-document.js';
import type { Pause } from '../../domain/batch/pause.js';
import { canaryPageKey, type BatchLocation } from '../../storage/layout.js';
import { askConsent } from '../terminal/consent.js';
import type { CommandContext } from '../terminal/command-context.js';
import { embeddedBucketFolder, type Engine } from '../terminal/engine.js';
import { sendResume } from '../control/resume.js';
import type { BatchAccess } from '../terminal/batch-access.js';

/** The pause in which a batch waits for a review of its canary; undefined if it continues by itself, and for other batches. */
export function canaryToSee({ state, pauses }: Pick<BatchStatus, 'state' | 'pauses'>): Pause | undefined {
  if (state !== 'paused') return undefined;
  return pauses.find(({ kind, until }) => kind === 'canary' && until === undefined);
}

/**
 * Prints where a canary can be seen, and at a terminal asks whether the batch should continue: `resumed` if so.
 * Otherwise, or with `--yes`, which asks nothing, it is `left` waiting. `signal` interrupts the question.
 */
export async function reviewCanary(
  context: CommandContext,
  watched: Watched,
  status: BatchStatus,
  signal: AbortSignal,
): Promise<'resumed' | 'left' | 'interrupted'> {
  const { stdin, stderr } = context;
  const { access, location, engine } = watched;
  const { batchId, pending, runSeq } = status;
  stderr.write(`Page       ${pagePath(context, watched, runSeq)}\n`);
  if (watched.asks && stdin.isTTY) {
    const others = pending === 1 ? 'other row' : `other ${pending.toLocaleString('en')} rows`;
    const question = `Continue with the ${others}?`;
    const answer = await askConsent({ stdin, stderr, interrupted: signal }, question);
    if (answer === 'interrupted') return 'interrupted';
    if (answer === 'given') {
      await sendResume(access, batchId, { rebind: false });
      return 'resumed';
    }
  }
  const isWorkerHere = engine?.hasWorker() === true;
  const worker = context.config.temporal ? 'npx banana-batch worker' : 'npx banana-batch dev';
  const how = isWorkerHere
    ? `This command was its only worker. Run the same command again in a terminal, and it asks again; or start a worker (${worker}) and continue`
    : 'Continue';
  stderr.write(
    `"${location.batchId}" is waiting; nothing is lost. ${how} with: banana-batch resume ${batchId}, or end it with: banana-batch cancel ${batchId}\n`,
  );
  return 'left';
}

/** The page as a local file if the bucket is a local folder. */
function pagePath({ cwd }: CommandContext, { config, location }: Watched, runSeq: number): string {
  const { bucket } = location;
  const root =
    config.bucket?.origin === 'stack'
      ? `${path.relative(cwd, embeddedBucketFolder(cwd, bucket))}/`
      : `s3://${bucket}/`;
  return `${root}${canaryPageKey(location, runSeq)}`;
}

/** A batch that a command has started, or found running. */
export interface Watched {
  readonly location: BatchLocation;
  readonly access: BatchAccess;
  /** The batch's configuration. */
  readonly config: Pick<Config, 'bucket'>;
  /** Set if this command runs the batch itself. */
  readonly engine: Engine | undefined;
  readonly json: boolean;
  /** A person at a terminal may be asked whether a batch should continue after its canary. */
  readonly asks: boolean;
}
