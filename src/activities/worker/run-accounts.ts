import QuickLRU from 'quick-lru';
import { serviceOf } from '../../bananahub/account-id.js';
import type { AccountId, BananaHubClient } from '../../bananahub/client.js';
import type { JobId } from '../../domain/rows/ids.js';
import { BatchFile } from '../../ledger/documents.js';
import { readDocument } from '../../ledger/files/read-document.js';
import { statesAfterRun } from '../../ledger/run-rows.js';
import { type RunRef, at, batchFileKey } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { askingRun } from './activity-context.js';
import { wrongAccount } from '../hold-causes.js';
import { latestJobs, provesSameAccount } from './same-account.js';

const RUNS_KEPT = 1_000;

type AccountsApi = Pick<BananaHubClient, 'account' | 'hasKeyFile' | 'renewKey' | 'getJob'>;

/**
 * Prevents a worker with one account's key from running batches of another: their jobs would seem lost and be bought
 * again. A key that was replaced in its file is accepted for a batch once it has found one of the batch's jobs.
 */
export class RunAccounts {
  readonly #store: ObjectStore;
  readonly #api: AccountsApi;
  /** By key and calling run; an evicted entry is read again. */
  readonly #checked = new QuickLRU<string, true>({ maxSize: RUNS_KEPT });
  /** Pairs of account ids that belong to two keys of one account. */
  readonly #same = new Set<string>();
  /** Running searches for recorded jobs, by pair and run: many creates wait for one. */
  readonly #searches = new Map<string, Promise<boolean>>();

  constructor(store: ObjectStore, api: AccountsApi) {
    this.#store = store;
    this.#api = api;
  }

  /**
   * The account of this worker's present key. Throws the fault `wrong-account` unless the run's batch belongs to it;
   * `jobIds` are jobs of the batch with which a new key may prove that it does.
   */
  async check(run: RunRef, jobIds: readonly JobId[] = []): Promise<AccountId> {
    const own = this.#api.account;
    const name = nameOf(own, run);
    if (this.#checked.has(name)) return own;
    const { account } = await readDocument(this.#store, at(run, batchFileKey(run)), BatchFile);
    const known = account === own ? own : await this.sameAs(account, run, jobIds);
    if (known === undefined) throw wrongAccount(run, account, this.#api.account);
    this.#checked.set(nameOf(known, run), true);
    return known;
  }

  /**
   * The account of this worker's key if the key comes from a file and belongs to the account of a run's batch; if it
   * does not, the file is read again. Undefined without proof. Throws StorageError and BananaHubError.
   */
  async sameAs(account: string, run: RunRef, jobIds: readonly JobId[] = []): Promise<AccountId | undefined> {
    if (!this.#api.hasKeyFile) return undefined;
    const before = this.#api.account;
    if (await this.#isSame(account, run, jobIds)) return before;
    this.#api.renewKey();
    const own = this.#api.account;
    if (own === account) return own;
    return own !== before && (await this.#isSame(account, run, jobIds)) ? own : undefined;
  }

  async #isSame(account: string, run: RunRef, jobIds: readonly JobId[]): Promise<boolean> {
    const own = this.#api.account;
    if (serviceOf(account) !== serviceOf(own)) return false;
    const pair = `${account} ${own}`;
    if (this.#same.has(pair)) return true;
    const isProven =
      (await provesSameAccount(this.#api, jobIds)) === 'same' || (await this.#findsRecorded(pair, run));
    // The key may have been replaced since it found the job.
    if (!isProven || this.#api.account !== own) return false;
    this.#same.add(pair);
    return true;
  }

  async #findsRecorded(pair: string, run: RunRef): Promise<boolean> {
    const name = nameOf(pair, run);
    let search = this.#searches.get(name);
    if (!search) {
      search = this.#search(run).finally(() => this.#searches.delete(name));
      this.#searches.set(name, search);
    }
    return search;
  }

  async #search(run: RunRef): Promise<boolean> {
    const jobs = await latestJobs(statesAfterRun(this.#store, run));
    return (await provesSameAccount(this.#api, jobs)) === 'same';
  }
}

function nameOf(key: string, run: RunRef): string {
  return `${key} ${askingRun()} ${run.bucket}/${run.root}${run.runSeq}`;
}
