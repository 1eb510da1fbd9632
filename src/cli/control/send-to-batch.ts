import type { BatchStatus } from '../../status/status-document.js';
import { UsageError } from '../../errors.js';
import { findBatch, type StatusAccess, type Steered } from '../../starter.js';
import type { BatchLocation } from '../../storage/layout.js';
import type { BatchSnapshot } from '../../workflows/protocol/batch-messages.js';
import { type BatchAccess, unknownBatch } from '../terminal/batch-access.js';
import { stuck } from './end-stuck-batch.js';
import { retryAdvice } from './retry-advice.js';

/** The batch before a message, and after it was applied. */
export interface SentToBatch {
  readonly before: BatchStatus;
  readonly isApplied: boolean;
  readonly after: BatchSnapshot | undefined;
}

/**
 * Sends a message to a running batch. If no worker answers in time, the message stays with Temporal, and `isApplied`
 * is false. Throws a UsageError for a batch that is unknown, has ended, or refuses, with its reason; `verb` names
 * what is not possible then: `pause`.
 */
export async function sendToBatch(
  access: BatchAccess,
  id: string,
  {
    verb,
    send,
  }: {
    readonly verb: string;
    readonly send: (access: StatusAccess, location: BatchLocation) => Promise<Steered>;
  },
): Promise<SentToBatch> {
  const location = await findBatch(access, id);
  const steered = await send(access, location);
  switch (steered.kind) {
    case 'applied':
      return { before: steered.before, isApplied: true, after: steered.after };
    case 'waiting':
      return { before: steered.before, isApplied: false, after: undefined };
    case 'unknown-batch':
      throw unknownBatch(location);
    case 'ended':
      throw endedAlready(steered.before, verb);
    case 'stuck':
      throw stuck(steered.before);
    case 'refused': {
      const { before, reason, error } = steered;
      throw new UsageError(`Batch "${before.batchId}" did not ${verb}: ${reason}`, { cause: error });
    }
  }
}

function endedAlready(
  { batchId, state, failuresByKind, cancelled, pending }: BatchStatus,
  verb: string,
): UsageError {
  const isEndedFromOutside = state === 'failed';
  const advice =
    isEndedFromOutside || pending > 0
      ? `Make the missing images with: banana-batch retry ${batchId}`
      : retryAdvice(batchId, { ...failuresByKind, cancelled });
  return new UsageError(
    [
      `Batch "${batchId}" has already ended (${isEndedFromOutside ? 'ended' : state}): it is not possible to ${verb} any more.`,
      ...(advice === undefined ? [] : [advice]),
    ].join(' '),
  );
}

/** Printed if a command was sent to a batch and no worker processes it. */
export const NO_WORKER = 'No worker answers now; start one: npx banana-batch worker';
