import { ApplicationFailure } from '@temporalio/common';
import { BatchFile } from '../ledger/documents.js';
import { readDocument } from '../ledger/read-document.js';
import { at, batchFileKey } from '../storage/layout.js';
import type { WorkerState } from './dependencies.js';
import type { Activities } from './types.js';

/** placeholder until the proof is there */
export function rebindAccountActivity(state: WorkerState): Activities['rebindAccount'] {
  return async (run) => {
    const batch = await readDocument(state.store, at(run, batchFileKey(run)), BatchFile);
    if (batch.account === state.api.account) return;
    throw ApplicationFailure.nonRetryable('Not yet.', 'WrongAccount');
  };
}
