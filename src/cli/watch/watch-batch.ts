import { setTimeout as sleep } from 'node:timers/promises';
import { ShardRows } from '../../ledger/shard-rows.js';
import { etaOf } from '../../status/batch-status.js';
import { type BatchStatus, isOpen } from '../../status/status-document.js';
import { UsageError } from '../../errors.js';
import type { BatchLocation } from '../../storage/layout.js';
import { readBatchStatus } from '../../starter.js';
import type { BatchAccess } from '../terminal/batch-access.js';
import type { CommandContext } from '../terminal/command-context.js';
import { openProgress } from '../terminal/progress.js';
import { isTemporalAway, refusalOf } from '../terminal/refusal.js';
import { Pace } from './pace.js';
import { coloursFor, statusBlock, statusLine } from './status-text.js';

const LOOK_EVERY_MS = 1_000;

/**
 * Shows a batch until it ends or `signal` is aborted; returns the last status. If Temporal does not answer for a
 * while, prints that and waits. Also ends with a status for which `isEnough` holds. Undefined for an unknown batch.
 */
export async function watchBatch(
  { stderr, environment }: CommandContext,
  access: Pick<BatchAccess, 'client' | 'store' | 'taskQueue'>,
  location: BatchLocation,
  signal: AbortSignal,
  isEnough: (status: BatchStatus) => boolean = () => false,
): Promise<BatchStatus | undefined> {
  const progress = openProgress(stderr);
  const colours = coloursFor(stderr, environment);
  const pace = new Pace();
  const looking = { ...access, shardRows: new ShardRows(access.store) };
  let last: BatchStatus | undefined;
  let printed: string | undefined;
  try {
    while (!signal.aborted) {
      try {
        last = atPace((await readBatchStatus(looking, location)) ?? last, pace);
        if (last) progress.show(statusBlock(last, colours), statusLine(last));
        const news = last && `${last.state} ${last.reason ?? ''}`;
        if (last && !stderr.isTTY && news !== printed) {
          printed = news;
          progress.say(statusLine(last));
        }
        if (!last || !isOpen(last) || isEnough(last)) return last;
      } catch (error) {
        const reason = isTemporalAway(error) ? 'Temporal does not answer; trying again …' : refusalOf(error);
        if (reason === undefined || error instanceof UsageError) throw error;
        progress.show(colours.yellow(`${location.batchId}: ${reason}`));
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
    return last;
  } finally {
    progress.end();
  }
}

/** The status of a running batch with its present pace instead of its average. */
function atPace(status: BatchStatus | undefined, pace: Pace): BatchStatus | undefined {
  if (!status || !isOpen(status)) return status;
  const imagesPerMinute = pace.note(status.stored - status.carried, Date.now());
  const isMoving = imagesPerMinute !== undefined && status.state === 'running';
  return { ...status, imagesPerMinute, etaSeconds: isMoving ? etaOf(status, imagesPerMinute) : undefined };
}
