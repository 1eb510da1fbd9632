import { Agent } from 'undici';
import { Journal, type JournalLine } from './jobs/journal.js';
import { JobStore, JobSlots } from './jobs/job-store.js';
import { Ledger, formatMicros, parseMicros } from './jobs/ledger.js';
import { MISBEHAVIOUR_NAMES, Misbehaviour } from './misbehaviour.js';
import { applyPatch, DEFAULT_BALANCE, DEFAULT_SETTINGS, type ParsedPatch, type Settings } from './options.js';
import { RetryWatch } from './retry-watch.js';
import { Tally, type SandboxStats } from './tally.js';

/** The shared state of the routes: settings, jobs, money, counts, and the clock. */
export class SandboxCore {
  readonly seed: string;
  readonly jobs: JobStore;
  readonly ledger: Ledger;
  readonly slots = new JobSlots();
  readonly tally = new Tally();
  readonly misbehaviour: Misbehaviour;
  readonly retries = new RetryWatch();
  /** For what the sandbox itself fetches and posts. */
  readonly dispatcher = new Agent();
  #settings: Settings;
  #journal: Journal | undefined;

  constructor(seed: string, patch: ParsedPatch) {
    this.seed = seed;
    this.#settings = applyPatch(DEFAULT_SETTINGS, patch);
    const { balance = DEFAULT_BALANCE, balances = {} } = patch;
    this.ledger = new Ledger((account) => balances[account] ?? balance);
    this.jobs = new JobStore(this.ledger);
    this.misbehaviour = new Misbehaviour(seed, (name) => this.#settings.rates[name] ?? 0);
    this.#orderNext(patch);
    this.#meetAccounts();
  }

  get settings(): Settings {
    return this.#settings;
  }

  now(): number {
    return Date.now();
  }

  /** Loads a state file, and records into it from now on. */
  async keepIn(file: string): Promise<void> {
    const { journal, lines } = await Journal.open(file);
    this.#journal = journal;
    for (const line of lines) {
      if (line.kind === 'job') {
        this.jobs.add(line.job);
      } else {
        this.jobs.settle(line.at);
        this.ledger.setBalance(line.account, parseMicros(line.balance));
      }
    }
  }

  record(line: JournalLine): void {
    this.#journal?.append(line);
  }

  /** Changes settings from now on; existing jobs keep their fate. */
  configure(patch: ParsedPatch): void {
    this.#settings = applyPatch(this.#settings, patch);
    this.#orderNext(patch);
    this.#meetAccounts();
    const at = this.now();
    this.jobs.settle(at);
    const { balance, balances = {} } = patch;
    for (const account of new Set([...this.ledger.names(), ...Object.keys(balances)])) {
      const wanted = balances[account] ?? balance;
      if (wanted === undefined) continue;
      this.ledger.setBalance(account, parseMicros(wanted));
      this.record({ kind: 'balance', account, balance: wanted, at });
    }
  }

  #orderNext(patch: ParsedPatch): void {
    for (const name of MISBEHAVIOUR_NAMES) {
      const count = patch.next?.[name];
      if (count !== undefined) this.misbehaviour.order(name, count);
    }
  }

  #meetAccounts(): void {
    for (const { account } of this.#settings.keys) this.ledger.read(account);
  }

  stats(): SandboxStats {
    const jobs = this.jobs.counts(this.now());
    const accounts = this.ledger.names().map((name) => this.ledger.read(name));
    return {
      ...this.tally.read(),
      ...jobs,
      jobsCharged: accounts.reduce((sum, account) => sum + account.jobsCharged, 0),
      charged: formatMicros(accounts.reduce((sum, account) => sum + account.charged, 0n)),
      reserved: formatMicros(accounts.reduce((sum, account) => sum + account.reserved, 0n)),
      misbehaviours: this.misbehaviour.played(),
    };
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
    await this.#journal?.close();
  }
}
