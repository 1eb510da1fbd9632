import path from 'node:path';
import { readBatchStatus } from '../batch/batch-status.js';
import { statusJson, type BatchStatus } from '../batch/status-document.js';
import type { BatchLocation } from '../storage/layout.js';
import { contactSheetKey, failuresKey, imagesPrefix, rejectsKey } from '../storage/layout.js';
import { withBatchAccess } from './batch-access.js';
import { checkedSheet } from './checked-sheet.js';
import { EXIT, type Command, type CommandContext, type ExitCode } from './command-context.js';
import { dryRun } from './dry-run.js';
import { describeEngine, embeddedBucketFolder, withEngine, type Engine } from './engine.js';
import { withSheetFile } from './sheet-file.js';
import { sameBytesNote } from './same-bytes-note.js';
import { coloursFor, statusBlock } from './status-text.js';
import { exitCodeOf } from './status.js';
import { submitSheet, type Submitted, type SubmissionOptions } from './submission.js';
import { watchBatch } from './watch-batch.js';

/** Runs a sheet from start to end: starts what is not configured, submits, watches, and says where everything is. */
export const run: Command<SubmissionOptions> = (context, options) => {
  const { config, cwd, stdin, stderr } = context;
  return withSheetFile(options.sheet, { cwd, stdin, bucket: config.bucket }, async (file) => {
    const sheet = await checkedSheet(context, file, options);
    if (options.dryRun) return dryRun(context, sheet, options);
    return withEngine(context, (engine) =>
      withBatchAccess(engine.config, async (access) => {
        stderr.write(describeEngine(engine, cwd));
        const submitted = await submitSheet(context, access, sheet, options);
        const location = locationOf(submitted);
        if (!location) {
          stderr.write('Nothing was started.\n');
          return submitted.kind === 'interrupted' ? EXIT.interrupted : EXIT.refused;
        }
        announce(context, submitted);
        const ended =
          submitted.kind === 'nothing-to-do'
            ? await readBatchStatus(access, location)
            : await watchUntilEnded(context, engine, location, access);
        if (!ended || context.interrupted.aborted) return detach(context, engine, location);
        const note = await sameBytesNote(access.store, location, ended);
        return finish(context, engine, options, location, { ended, note });
      }),
    );
  });
};

function locationOf(submitted: Submitted): BatchLocation | undefined {
  switch (submitted.kind) {
    case 'started':
      return submitted.run;
    case 'running':
    case 'busy':
    case 'nothing-to-do':
      return submitted.location;
    case 'declined':
    case 'interrupted':
      return undefined;
  }
}

function announce({ stderr }: CommandContext, submitted: Submitted): void {
  if (submitted.kind === 'running') {
    stderr.write(`Batch "${submitted.location.batchId}" goes on where it was.\n`);
  }
  if (submitted.kind === 'busy') {
    stderr.write(
      `Batch "${submitted.location.batchId}" is still running on another sheet, or with other settings, and is shown here; run this sheet again when it has ended, or with another --id.\n`,
    );
  }
  if (submitted.kind === 'nothing-to-do') stderr.write('Nothing to do: every row has its outcome already.\n');
}

/** The last status of an ended batch; undefined where the person left first. Throws where a part was lost. */
async function watchUntilEnded(
  context: CommandContext,
  engine: Engine,
  location: BatchLocation,
  access: Parameters<typeof watchBatch>[1],
): Promise<BatchStatus | undefined> {
  const lost = new AbortController();
  let loss: Error | undefined;
  const noteLoss = async (): Promise<void> => {
    loss = await engine.lost;
    lost.abort();
  };
  void noteLoss();
  const signal = AbortSignal.any([context.interrupted, lost.signal]);
  const last = await watchBatch(context, access, location, signal);
  if (loss && !context.interrupted.aborted) throw loss;
  return context.interrupted.aborted ? undefined : last;
}

function detach({ stderr, config }: CommandContext, engine: Engine, { batchId }: BatchLocation): ExitCode {
  if (!engine.started.worker) {
    stderr.write(
      `Detached from "${batchId}", which goes on. Come back with: banana-batch status ${batchId} --watch\n`,
    );
    return EXIT.interrupted;
  }
  const otherWorker = config.temporal ? 'npx banana-batch worker' : 'npx banana-batch dev';
  stderr.write(
    `Detached from "${batchId}". Its worker was this command: it stands still and loses nothing. The same command again goes on with it, and so does: ${otherWorker}\n`,
  );
  return EXIT.interrupted;
}

function finish(
  context: CommandContext,
  engine: Engine,
  options: SubmissionOptions,
  location: BatchLocation,
  { ended, note }: { readonly ended: BatchStatus; readonly note: string | undefined },
): ExitCode {
  const { stdout, stderr, environment } = context;
  if (options.json) stdout.write(`${statusJson(ended)}\n`);
  else stdout.write(summary(context, engine, location, ended, note));
  // The watch has shown it on a terminal; a pipe gets the end in any case.
  if (!stderr.isTTY) stderr.write(`${statusBlock(ended, coloursFor(stderr, environment))}\n`);
  return exitCodeOf(ended);
}

function summary(
  { cwd }: CommandContext,
  { config }: Engine,
  location: BatchLocation,
  ended: BatchStatus,
  note: string | undefined,
): string {
  const isFolder = config.bucket?.origin === 'stack';
  const root = isFolder
    ? `${path.relative(cwd, embeddedBucketFolder(cwd, location.bucket))}/`
    : `s3://${location.bucket}/`;
  const lines: [string, string][] = [
    ['Images', `${root}${imagesPrefix(location)}`],
    ['Look', `${root}${contactSheetKey(location, 1)}`],
    ...(ended.failed + ended.cancelled > 0
      ? [['Failed', `${root}${failuresKey(location)}`] satisfies [string, string]]
      : []),
    ...(ended.rejected > 0
      ? [['Rejected', `${root}${rejectsKey(location)}`] satisfies [string, string]]
      : []),
    ...(note ? [['Beware', note] satisfies [string, string]] : []),
    ['Next', nextStep(ended, isFolder)],
  ];
  const shown = `${ended.stored} of ${ended.total} images stored`;
  return [
    `${ended.state === 'cancelled' ? 'Cancelled' : 'Done'}: ${shown}.`,
    ...lines.map(([name, text]) => `${name.padEnd(10)} ${text}`),
    '',
  ].join('\n');
}

function nextStep({ batchId, failed, cancelled }: BatchStatus, isFolder: boolean): string {
  if (failed > 0) return `npx banana-batch failures ${batchId}`;
  if (cancelled > 0) return 'run the same sheet again for the rows that are missing';
  return isFolder ? 'npx banana-batch run YOUR.csv, or: npx banana-batch --help' : `npx banana-batch list`;
}
