import path from 'node:path';
import { statusJson, type BatchStatus } from '../../status/status-document.js';
import type { Config } from '../../config.js';
import {
  type BatchLocation,
  contactSheetKey,
  failuresKey,
  imagesPrefix,
  rejectsKey,
  resultsKey,
} from '../../storage/layout.js';
import { workersOf } from '../../starter.js';
import type { BatchAccess } from '../terminal/batch-access.js';
import { EXIT, type CommandContext, type ExitCode } from '../terminal/command-context.js';
import { embeddedBucketFolder, type Engine } from '../terminal/engine.js';
import { sealNotes } from './seal-notes.js';
import { canaryToSee, reviewCanary, type Watched } from './canary-review.js';
import { coloursFor, statusBlock } from './status-text.js';
import { exitCodeOf } from './status.js';
import { workerIdentity } from '../../status/worker-identity.js';
import { watchBatch } from './watch-batch.js';

/**
 * Shows a batch until it ends or the person leaves, and prints where everything is or how to come back. Exits with 0
 * if the batch waits for a review of its canary and nobody resumes it. Throws if a part of the engine was lost.
 */
export async function watchToEnd(context: CommandContext, watched: Watched): Promise<ExitCode> {
  const lost = new AbortController();
  let loss: Error | undefined;
  const noteLoss = async (engine: Engine): Promise<void> => {
    loss = await engine.lost;
    lost.abort();
  };
  if (watched.engine) void noteLoss(watched.engine);
  const signal = AbortSignal.any([context.interrupted, lost.signal]);
  let seen: string | undefined;
  for (;;) {
    const last = await watchBatch(context, watched.access, watched.location, signal, (status) => {
      const canary = canaryToSee(status);
      return canary !== undefined && canary.since !== seen;
    });
    const canary = last && canaryToSee(last);
    const answer =
      last && canary && !signal.aborted ? await reviewCanary(context, watched, last, signal) : undefined;
    if (loss && !context.interrupted.aborted) throw loss;
    if (!last || context.interrupted.aborted || answer === 'interrupted') return detach(context, watched);
    if (answer === undefined) return showEnd(context, watched, last);
    if (answer === 'left') {
      if (watched.json) context.stdout.write(`${statusJson(last)}\n`);
      return EXIT.ok;
    }
    seen = canary?.since;
  }
}

async function detach(
  { stderr, config }: CommandContext,
  { access, engine, location }: Watched,
): Promise<ExitCode> {
  const { batchId } = location;
  if (!engine?.hasWorker() || engine.hasSuccessor() || (await hasOtherWorker(access))) {
    stderr.write(
      `Detached. "${batchId}" continues. Come back with: banana-batch status ${batchId} --watch\n`,
    );
    return EXIT.interrupted;
  }
  const otherWorker = config.temporal ? 'npx banana-batch worker' : 'npx banana-batch dev';
  stderr.write(
    `Detached. "${batchId}" is stopped (this command was its only worker); nothing is lost. Continue with the same command, or with: ${otherWorker}\n`,
  );
  return EXIT.interrupted;
}

/** Whether a worker of another process runs this batch. */
async function hasOtherWorker(access: BatchAccess): Promise<boolean> {
  const workers = (await workersOf(access)) ?? [];
  return workers.some((identity) => identity !== workerIdentity());
}

/** Prints how a batch has ended, and where everything is. */
export async function showEnd(
  context: CommandContext,
  { access, config, location, json }: Pick<Watched, 'access' | 'config' | 'location' | 'json'>,
  ended: BatchStatus,
): Promise<ExitCode> {
  const { cwd, stdout, stderr, environment } = context;
  if (json) stdout.write(`${statusJson(ended)}\n`);
  else {
    const notes = await sealNotes(access.store, location, ended);
    stdout.write(summary(cwd, config, location, { ended, notes }));
  }
  // On a terminal the watch has already shown it; a pipe always gets the end.
  if (!stderr.isTTY) stderr.write(`${statusBlock(ended, coloursFor(stderr, environment))}\n`);
  return exitCodeOf(ended);
}

function summary(
  cwd: string,
  config: Pick<Config, 'bucket'>,
  location: BatchLocation,
  { ended, notes }: { readonly ended: BatchStatus; readonly notes: Awaited<ReturnType<typeof sealNotes>> },
): string {
  const isFolder = config.bucket?.origin === 'stack';
  const root = isFolder
    ? `${path.relative(cwd, embeddedBucketFolder(cwd, location.bucket))}/`
    : `s3://${location.bucket}/`;
  const lines: [string, string][] = [
    ['Images', `${root}${imagesPrefix(location)}`],
    ['Page', `${root}${contactSheetKey(location)}`],
    ['Results', `${root}${resultsKey(location)}`],
    ...(ended.failed + ended.cancelled > 0
      ? [['Failed', `${root}${failuresKey(location)}`] satisfies [string, string]]
      : []),
    ...(ended.rejected > 0
      ? [['Rejected', `${root}${rejectsKey(location)}`] satisfies [string, string]]
      : []),
    ...notes.map(([name, text]): [string, string] => [name, text]),
    ['Next', nextStep(ended, isFolder)],
  ];
  const shown = `${ended.stored} of ${ended.total} images stored`;
  return [
    `${HOW_ENDED[ended.state] ?? 'Done'}: ${shown}.`,
    ...lines.map(([name, text]) => `${name.padEnd(10)} ${text}`),
    '',
  ].join('\n');
}

const HOW_ENDED: Partial<Record<BatchStatus['state'], string>> = {
  cancelled: 'Cancelled',
  failed: 'Stopped',
};

function nextStep({ batchId, state, failed, cancelled }: BatchStatus, isFolder: boolean): string {
  if (state === 'failed') return `npx banana-batch retry ${batchId}`;
  if (failed > 0) return `npx banana-batch failures ${batchId}`;
  if (cancelled > 0) return `npx banana-batch retry ${batchId} to make the cancelled rows`;
  return isFolder ? 'npx banana-batch run YOUR.csv, or: npx banana-batch --help' : `npx banana-batch list`;
}
