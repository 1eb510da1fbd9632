import QuickLRU from 'quick-lru';
import type { AccountId } from '../bananahub/client.js';
import { BatchFile } from '../ledger/documents.js';
import { readDocument } from '../ledger/read-document.js';
import { type RunRef, at, batchFileKey } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { askingRun } from './activity-context.js';
import { wrongAccount } from './failure.js';

const RUNS_KEPT = 1_000;

/** Keeps a worker with one account's key away from batches of another: their jobs would look lost and be bought again. */
export class RunAccounts {
  readonly #store: ObjectStore;
  readonly #own: AccountId;
  /** By the run that asked; one that is forgotten is read once more. */
  readonly #checked = new QuickLRU<string, true>({ maxSize: RUNS_KEPT });

  constructor(store: ObjectStore, own: AccountId) {
    this.#store = store;
    this.#own = own;
  }

  /** Throws the fault `wrong-account` unless the run's batch belongs to this worker's account. */
  async check(run: RunRef): Promise<void> {
    const name = `${askingRun()} ${run.bucket}/${run.root}${run.runSeq}`;
    if (this.#checked.has(name)) return;
    const { account } = await readDocument(this.#store, at(run, batchFileKey(run)), BatchFile);
    if (account !== this.#own) throw wrongAccount(account, this.#own);
    this.#checked.set(name, true);
  }
}
