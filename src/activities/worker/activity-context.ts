import { Context } from '@temporalio/activity';

const HEARTBEAT_EVERY_MS = 5_000;

/** Aborted by the activity's cancellation or its worker's shutdown. */
export function cancellationSignal(): AbortSignal {
  return Context.current().cancellationSignal;
}

/**
 * Runs `work` with a heartbeat every few seconds, so that a lost worker is noticed and a cancellation arrives; each
 * saves `details` for the next attempt. Shorter work sends none.
 */
export async function withHeartbeat<T>(work: () => Promise<T>, details?: () => unknown): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(details?.()), HEARTBEAT_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** The workflow run that called the activity. */
export function askingRun(): string {
  return Context.current().info.workflowExecution?.runId ?? '';
}

/** Waits; throws the cancellation if the activity is cancelled meanwhile. */
export async function pause(delayMs: number): Promise<void> {
  await Context.current().sleep(delayMs);
}

/** Waits; false if the activity was cancelled or its worker shut down meanwhile. */
export async function pausedUndisturbed(delayMs: number): Promise<boolean> {
  try {
    await Context.current().sleep(delayMs);
    return true;
  } catch {
    return false;
  }
}

/**
 * The time by Temporal's clock, from which this machine's may differ widely. Create it at the start of an activity;
 * it is behind by the time that the attempt waited for a worker. Milliseconds since the epoch.
 */
export function startTemporalClock(): () => number {
  const scheduledMs = Context.current().info.currentAttemptScheduledTimestampMs;
  const startedAt = performance.now();
  return () => Math.round(scheduledMs + performance.now() - startedAt);
}
