import { setHandler, workflowInfo } from '@temporalio/workflow';
import type { RunSettings } from '../domain/batch/run-settings.js';
import { positionQuery } from './protocol/batch-messages.js';

/** Temporal ends a workflow at 51,200 events; the rest is for what is in flight then. Source: its default limits. */
const CONTINUE_AFTER_EVENTS = 40_000;

/** Whether this workflow should continue in a new run, with an empty history. */
export function isHistoryLong({ continueAfterEvents }: Pick<RunSettings, 'continueAfterEvents'>): boolean {
  return workflowInfo().historyLength >= (continueAfterEvents ?? CONTINUE_AFTER_EVENTS);
}

/** Lets this workflow answer how far it has come. */
export function answerPosition(): void {
  setHandler(positionQuery, () => {
    const { runId, historyLength } = workflowInfo();
    return { runId, length: historyLength, startedMs: Date.now() };
  });
}
