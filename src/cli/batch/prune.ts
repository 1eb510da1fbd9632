import prettyBytes from 'pretty-bytes';
import { deleteLeftovers, findLeftovers, type Leftovers } from '../../ledger/audit/prune-batch.js';
import { describeBatch, snapshotInMemo } from '../../status/describe-batch.js';
import { UsageError } from '../../errors.js';
import { addressOf, isSamePlace, type BatchLocation } from '../../storage/layout.js';
import { findBatch } from '../../starter.js';
import { withBucket } from '../terminal/batch-access.js';
import { EXIT, type Command, type CommandContext, type ExitCode } from '../terminal/command-context.js';
import { askConsent } from '../terminal/consent.js';
import { openLateProgress } from '../terminal/progress.js';
import { sealOf, unreadableReport } from './verify.js';
import { counted } from '../../domain/text/full-stop.js';
import { oneLine, writeText } from '../terminal/table.js';
import { withTemporalIfAny } from '../terminal/temporal-if-any.js';

export interface PruneOptions {
  readonly id: string;
  /** Deletes without a question. */
  readonly yes: boolean;
  /** Shows what would be deleted, and deletes nothing. */
  readonly dryRun: boolean;
  readonly json: boolean;
}

const SHOWN_KEYS = 10;

/**
 * Deletes the images, thumbnails and contact sheet pages that a batch's newest seal no longer names, after a question
 * whose default is no. Never touches what a stored row names, the ledger, or objects of others.
 */
export const prune: Command<PruneOptions> = (context, options) =>
  withBucket(context.config, async (store, bucket) => {
    const { stderr, interrupted: signal } = context;
    const location = await findBatch({ store, bucket }, options.id);
    await refuseOpen(context, location);
    const seal = await sealOf(store, location);
    if (seal === 'unreadable') throw unreadableReport(location);
    const progress = openLateProgress(stderr);
    try {
      const found = await findLeftovers({ store, seal, signal }, (objects) =>
        progress.show(() => `Scanning ${location.batchId}: ${objects} objects`),
      );
      progress.end();
      await printLeftovers(context, location, found);
      const decision = options.dryRun ? 'dry-run' : await decide(context, options, found);
      if (decision === EXIT.interrupted || decision === EXIT.refused) return decision;
      let deleted = 0;
      if (decision === 'delete') {
        await refuseOpen(context, location);
        const { leftovers } = found;
        deleted = await deleteLeftovers({ store, seal, signal }, leftovers, (objects) =>
          progress.show(() => `Pruning ${location.batchId}: ${objects}/${leftovers.length} objects deleted`),
        );
        progress.end();
        stderr.write(`Deleted ${counted(deleted, 'object')}.\n`);
      }
      if (options.json) await writeText(context.stdout, jsonOf(location, seal.run.runSeq, found, deleted));
      return EXIT.ok;
    } catch (error) {
      if (signal.aborted) return EXIT.interrupted;
      throw error;
    } finally {
      progress.end();
    }
  });

/** A running batch may adopt images that seem left over. If Temporal does not answer, only its seal can decide. */
async function refuseOpen({ config, stderr }: CommandContext, location: BatchLocation): Promise<void> {
  await withTemporalIfAny(config, async (temporal) => {
    if (temporal.kind === 'away') {
      if (config.temporal)
        stderr.write(`${temporal.problem}; only the bucket is checked for unfinished runs.\n`);
      return;
    }
    const description = await describeBatch(temporal.client, location);
    if (description?.status.name !== 'RUNNING') return;
    const run = snapshotInMemo(description)?.run;
    // Temporal knows batches only by id: one with this id may be running in another place.
    if (run && !isSamePlace(run, location)) return;
    throw new UsageError(
      `Batch "${location.batchId}" is still running and may use images that look unused. Prune it when it has finished: banana-batch status ${location.batchId}`,
    );
  });
}

function bytesOf({ leftovers }: Leftovers): number {
  return leftovers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

async function printLeftovers(
  { stderr }: CommandContext,
  location: BatchLocation,
  found: Leftovers,
): Promise<void> {
  const { leftovers, foreign, unclaimed } = found;
  const { batchId } = location;
  if (leftovers.length === 0) stderr.write(`Nothing to prune in "${batchId}".\n`);
  else {
    stderr.write(
      `${counted(leftovers.length, 'object')} (${prettyBytes(bytesOf(found))}) of "${batchId}" that no row uses, in ${addressOf(location)}:\n`,
    );
    for (const { key } of leftovers.slice(0, SHOWN_KEYS)) await writeText(stderr, `  ${oneLine(key)}\n`);
    const more = leftovers.length - SHOWN_KEYS;
    if (more > 0) stderr.write(`  … and ${more} more (--json lists all)\n`);
  }
  if (unclaimed > 0)
    stderr.write(
      `${counted(unclaimed, 'image')} of rows that ended without an image stay; use them with: banana-batch retry ${batchId}\n`,
    );
  if (foreign > 0) stderr.write(`${counted(foreign, 'object')} not written by banana-batch stay.\n`);
}

/** Whether to delete, or the exit code. */
async function decide(
  context: CommandContext,
  { yes, id }: PruneOptions,
  found: Leftovers,
): Promise<'delete' | 'nothing' | Extract<ExitCode, 2 | 130>> {
  const { stdin, stderr } = context;
  if (found.leftovers.length === 0) return 'nothing';
  if (yes) return 'delete';
  if (!stdin.isTTY || !stderr.isTTY) {
    stderr.write(`Nothing was deleted. To delete them: banana-batch prune ${id} --yes\n`);
    return EXIT.refused;
  }
  const question = `Delete ${counted(found.leftovers.length, 'object')} permanently?`;
  const consent = await askConsent(context, question);
  if (consent === 'given') return 'delete';
  stderr.write('Nothing was deleted.\n');
  return consent === 'interrupted' ? EXIT.interrupted : EXIT.refused;
}

/** The output of `prune --json`; scripts rely on it. */
function jsonOf({ batchId }: BatchLocation, runSeq: number, found: Leftovers, deleted: number): string {
  const { leftovers, foreign, unclaimed } = found;
  const keys = leftovers.map(({ key }) => key);
  return `${JSON.stringify({ batchId, runSeq, objects: keys.length, bytes: bytesOf(found), deleted, unclaimed, foreign, keys })}\n`;
}
