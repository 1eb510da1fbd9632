import { counted } from '../../domain/text/full-stop.js';
import { findBatch, readBatchStatus } from '../../starter.js';
import { type BucketIfAny, unknownBatch } from '../terminal/batch-access.js';
import { EXIT, type CommandContext, type ExitCode } from '../terminal/command-context.js';
import { withTemporalIfAny } from '../terminal/temporal-if-any.js';

/**
 * The number of a batch's failures of each kind, which is all that Temporal alone knows. For a bucket that cannot be
 * used; exits with 2, since the rows themselves are not listed. Throws the bucket's error if Temporal does not answer
 * either.
 */
export async function countedFailures(
  context: CommandContext,
  { store, bucket, away }: BucketIfAny,
  { id, json }: { readonly id: string; readonly json: boolean },
): Promise<ExitCode> {
  const { config, stdout, stderr } = context;
  return withTemporalIfAny(config, async (temporal) => {
    if (temporal.kind === 'away') throw away;
    const { client } = temporal;
    const location = await findBatch({ store, bucket, client, bucketAway: away }, id);
    const status = await readBatchStatus({ client, store, taskQueue: config.taskQueue }, location);
    if (!status) throw unknownBatch(location);
    const { batchId, runSeq, failed, cancelled, failuresByKind } = status;
    const total = failed + cancelled;
    const byKind = { ...failuresByKind, ...(cancelled > 0 && { cancelled }) };
    stderr.write(`${away?.message} Only the counts are shown, which Temporal knows.\n`);
    if (json) {
      stdout.write(`${JSON.stringify({ batchId, runSeq, sealed: false, total, byKind, rows: [] })}\n`);
    } else {
      const kinds = Object.entries(byKind).map(([kind, count]) => `${count} ${kind}`);
      stdout.write(
        `${counted(total, 'row')} without an image${kinds.map((kind, n) => `${n === 0 ? ': ' : ', '}${kind}`).join('')}.\n`,
      );
    }
    return EXIT.refused;
  });
}
