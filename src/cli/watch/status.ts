import type { Client } from '@temporalio/client';
import { statusJson, type BatchStatus } from '../../status/status-document.js';
import { statusFromBucket } from '../../status/bucket-status.js';
import { UsageError } from '../../errors.js';
import { ServiceTexts } from '../../ledger/service-texts.js';
import type { BatchLocation } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { findBatch, readBatchStatus } from '../../starter.js';
import { type BucketIfAny, unknownBatch } from '../terminal/batch-access.js';
import { EXIT, type Command, type CommandContext, type ExitCode } from '../terminal/command-context.js';
import { sealNotes } from './seal-notes.js';
import { coloursFor, statusBlock } from './status-text.js';
import { withWhatAnswers } from '../terminal/temporal-if-any.js';
import { watchBatch } from './watch-batch.js';

export interface StatusOptions {
  readonly id: string;
  readonly watch: boolean;
  readonly json: boolean;
}

/**
 * The status of a batch: from Temporal and the bucket, or from one if the other does not answer. Exits with 1 if the
 * batch has finished with rows that are not stored.
 */
export const status: Command<StatusOptions> = (context, options) =>
  withWhatAnswers(context.config, async (found, temporal) => {
    const { stderr } = context;
    if (found.away) stderr.write(`${found.away.message}\n`);
    if (temporal.kind === 'there') return statusByTemporal(context, options, found, temporal.client);
    if (found.away) throw new UsageError(`${temporal.problem} either. Check both with: banana-batch doctor`);
    stderr.write(`${temporal.problem}: showing what is recorded in the bucket.\n`);
    return statusByBucket(context, options, found);
  });

async function statusByTemporal(
  context: CommandContext,
  options: StatusOptions,
  { store, bucket, away }: BucketIfAny,
  client: Client,
): Promise<ExitCode> {
  const location = await findBatch({ store, bucket, client, bucketAway: away }, options.id);
  const access = { store, client, taskQueue: context.config.taskQueue };
  const found = options.watch
    ? await watchBatch(context, access, location, context.interrupted)
    : await readBatchStatus(access, location);
  if (context.interrupted.aborted) return EXIT.interrupted;
  return show(context, options, { store: away ? undefined : store, location }, found);
}

async function statusByBucket(
  context: CommandContext,
  options: StatusOptions,
  { store, bucket }: BucketIfAny,
): Promise<ExitCode> {
  const location = await findBatch({ store, bucket }, options.id);
  return show(
    context,
    options,
    { store, location },
    await statusFromBucket(store, location, 'temporal-away'),
  );
}

async function show(
  context: CommandContext,
  options: StatusOptions,
  { store, location }: { readonly store: ObjectStore | undefined; readonly location: BatchLocation },
  known: BatchStatus | undefined,
): Promise<ExitCode> {
  if (!known) throw unknownBatch(location);
  const { stdout, environment } = context;
  const found = store ? await withTextsOfHolds(store, location, known) : withoutPace(known);
  if (options.json) stdout.write(`${statusJson(found)}\n`);
  else if (!options.watch)
    stdout.write(`${statusBlock(found, coloursFor(stdout, environment))}\n  ${found.location}\n`);
  const notes = options.json || !store ? [] : await sealNotes(store, location, found);
  for (const [, text] of notes) stdout.write(`  ${text}\n`);
  return exitCodeOf(found);
}

/** The status while the bucket does not answer: an average over time in which nothing can be stored is misleading. */
export function withoutPace(known: BatchStatus): BatchStatus {
  return { ...known, imagesPerMinute: undefined, etaSeconds: undefined };
}

const TEXTS_WITHIN_MS = 2_000;

/** The status with the service's texts from the beginning of its holds, if the bucket answers soon. */
async function withTextsOfHolds(
  store: ObjectStore,
  location: BatchLocation,
  found: BatchStatus,
): Promise<BatchStatus> {
  const run = { ...location, runSeq: found.runSeq };
  const texts = new ServiceTexts(store);
  const signal = AbortSignal.timeout(TEXTS_WITHIN_MS);
  const holds = await Promise.all(
    found.holds.map(async (hold) => {
      const { textId } = hold;
      const said = textId && (await texts.text(run, textId, signal).catch(() => undefined));
      return said ? { ...hold, said } : hold;
    }),
  );
  return { ...found, holds };
}

/** 0 while a batch is running and if all of its rows are stored; 1 if it ended otherwise. */
export function exitCodeOf(found: BatchStatus): ExitCode {
  if (found.endedAt === undefined) return EXIT.ok;
  return found.state === 'completed' && found.stored === found.total ? EXIT.ok : EXIT.incomplete;
}
