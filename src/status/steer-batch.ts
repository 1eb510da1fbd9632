import {
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type WorkflowHandle,
} from '@temporalio/client';
import type { ChangedSettings } from '../domain/batch/batch-settings.js';
import type { BatchLocation } from '../storage/layout.js';
import {
  cancelUpdate,
  instructSignal,
  pauseUpdate,
  resumeUpdate,
  setUpdate,
  type BatchSnapshot,
} from '../workflows/protocol/batch-messages.js';
import { batchWorkflowId } from '../workflows/protocol/names.js';
import { readBatchStatus, type StatusAccess } from './batch-status.js';
import { isOpen, type BatchStatus } from './status-document.js';
import { TEMPORAL_DEADLINE_MS, withinDeadline } from '../network/temporal-calls.js';

/** The result of a message to a batch; `before` is the batch's status before it. */
export type Steered =
  /** The batch has applied it; `after` is its state then. */
  | { readonly kind: 'applied'; readonly before: BatchStatus; readonly after: BatchSnapshot }
  /** No worker answered in time. Temporal keeps the message until one does. */
  | { readonly kind: 'waiting'; readonly before: BatchStatus }
  | { readonly kind: 'unknown-batch' }
  /** The batch has ended, or cannot take messages. Nothing was sent. */
  | { readonly kind: 'ended' | 'stuck'; readonly before: BatchStatus }
  /** The batch does not accept it in its present state. */
  | {
      readonly kind: 'refused';
      readonly before: BatchStatus;
      readonly reason: string;
      readonly error: WorkflowUpdateFailedError;
    };

/** Stops buying: jobs in flight are awaited and stored, the rest waits for `resumeBatch`. */
export function pauseBatch(access: StatusAccess, location: BatchLocation): Promise<Steered> {
  return steer(access, location, {
    send: (handle) => handle.executeUpdate(pauseUpdate),
    leave: (handle) => handle.signal(instructSignal, { kind: 'pause' }),
  });
}

// A worker first checks the batch's jobs with its key.
const REBIND_WITHIN_MS = 60_000;

/** Continues after a pause, and checks at once whether the causes of holds have ended. `rebind`: the workers' key is a new one of the batch's account. */
export function resumeBatch(
  access: StatusAccess,
  location: BatchLocation,
  { rebind = false }: { readonly rebind?: boolean } = {},
): Promise<Steered> {
  return steer(access, location, {
    send: (handle) => handle.executeUpdate(resumeUpdate, { args: [{ rebind }] }),
    leave: (handle) => handle.signal(instructSignal, { kind: 'resume', rebind }),
    withinMs: rebind ? REBIND_WITHIN_MS : TEMPORAL_DEADLINE_MS,
  });
}

/** Ends a batch: buys nothing new, jobs in flight get the grace period, the rest keep their job ids. */
export function cancelBatch(access: StatusAccess, location: BatchLocation): Promise<Steered> {
  return steer(access, location, {
    send: (handle) => handle.executeUpdate(cancelUpdate),
    leave: (handle) => handle.cancel(),
  });
}

// For the first budget of a batch, a worker reads its rows.
const BUDGET_WITHIN_MS = 60_000;

/** Changes concurrency, budget or maximum failure rate of a batch; absent settings stay. */
export function changeBatch(
  access: StatusAccess,
  location: BatchLocation,
  settings: ChangedSettings,
): Promise<Steered> {
  return steer(access, location, {
    send: (handle) => handle.executeUpdate(setUpdate, { args: [settings] }),
    leave: (handle) => handle.signal(instructSignal, { kind: 'set', ...settings }),
    withinMs: settings.budget === undefined ? TEMPORAL_DEADLINE_MS : BUDGET_WITHIN_MS,
  });
}

interface Message {
  /** Sends it and waits until the batch has applied it. */
  readonly send: (handle: WorkflowHandle) => Promise<BatchSnapshot>;
  /** Leaves the message with Temporal until a worker answers. */
  readonly leave: (handle: WorkflowHandle) => Promise<unknown>;
  /** How long `send` may take. Default 5 s. */
  readonly withinMs?: number;
}

/** Throws StorageError, and what Temporal's client throws if Temporal itself does not answer. */
async function steer(
  access: StatusAccess,
  location: BatchLocation,
  { send, leave, withinMs }: Message,
): Promise<Steered> {
  const { workflow, connection } = access.client;
  const before = await readBatchStatus(access, location);
  if (!before) return { kind: 'unknown-batch' };
  if (!isOpen(before)) return { kind: 'ended', before };
  if (before.state === 'stuck') return { kind: 'stuck', before };
  const handle = workflow.getHandle(batchWorkflowId(location.batchId));
  try {
    const after = await withinDeadline(connection, () => send(handle), withinMs);
    return { kind: 'applied', before, after };
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) {
      return { kind: 'refused', before, reason: reasonOf(error), error };
    }
    if (error instanceof WorkflowNotFoundError) return { kind: 'ended', before };
    if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw error;
    await withinDeadline(connection, () => leave(handle));
    return { kind: 'waiting', before };
  }
}

/** The batch's own message. */
function reasonOf(error: WorkflowUpdateFailedError): string {
  let reason: unknown = error;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  return reason instanceof Error ? reason.message : String(reason);
}
