import { setTimeout as delay } from 'node:timers/promises';
import type { RunningCommand, Variables } from '../test/support/commands/command-line.js';

/** Starts a worker process; rejects if it does not become ready, and kills it if `signal` is aborted before. */
type StartWorker = (variables: Variables, signal: AbortSignal) => Promise<RunningCommand>;

/** Between attempts to start a worker whose services are unreachable. */
const AGAIN_MS = 1_000;

/** Worker processes that are restarted whenever they exit, as by a supervisor, unless a fault keeps them down. */
export class WorkerPool {
  readonly #slots: readonly WorkerSlot[];

  constructor(count: number, start: StartWorker) {
    this.#slots = Array.from({ length: count }, () => new WorkerSlot(start));
  }

  /** Workers that are ready. */
  get up(): number {
    return this.#slots.filter((slot) => slot.isUp).length;
  }

  /** The last output of workers that exited by themselves. */
  get endedByThemselves(): readonly string[] {
    return this.#slots.flatMap((slot) => slot.endedByItself);
  }

  /** The logs of all worker processes, one after another. */
  get logs(): readonly string[] {
    return this.#slots.flatMap((slot) => slot.logs);
  }

  /** Stops a worker, or all of them; the returned function lets it start again. */
  async takeAway(
    which: { readonly share: number } | 'all',
    signal: 'SIGKILL' | 'SIGTERM',
  ): Promise<() => void> {
    const slots = which === 'all' ? this.#slots : [this.#at(which.share)];
    await Promise.all(slots.map((slot) => slot.takeAway(signal)));
    return () => {
      for (const slot of slots) slot.bringBack();
    };
  }

  /** Replaces a worker by one with other variables; the returned function replaces it again. */
  async replace(share: number, variables: Variables): Promise<() => Promise<void>> {
    const slot = this.#at(share);
    await slot.takeAway('SIGTERM');
    slot.bringBack(variables);
    return async () => {
      await slot.takeAway('SIGTERM');
      slot.bringBack();
    };
  }

  /** Stops all of them. */
  async stop(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.stop()));
  }

  #at(share: number): WorkerSlot {
    const slot = this.#slots[Math.floor(share * this.#slots.length)];
    if (!slot) throw new RangeError('There is no worker.');
    return slot;
  }
}

/** Runs one worker process at a time. */
class WorkerSlot {
  readonly endedByItself: string[] = [];
  readonly #start: StartWorker;
  readonly #past: RunningCommand[] = [];
  #running: RunningCommand | undefined;
  #wanted = new AbortController();
  #kept: Promise<void>;

  constructor(start: StartWorker) {
    this.#start = start;
    this.#kept = this.#keep({}, this.#wanted.signal);
  }

  get isUp(): boolean {
    return this.#running !== undefined;
  }

  get logs(): readonly string[] {
    return [...this.#past, ...(this.#running ? [this.#running] : [])].map((worker) => worker.output().stderr);
  }

  /** Keeps a worker running again; no effect if it is kept running already. */
  bringBack(variables: Variables = {}): void {
    if (!this.#wanted.signal.aborted) return;
    this.#wanted = new AbortController();
    this.#kept = this.#keep(variables, this.#wanted.signal);
  }

  async takeAway(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#wanted.abort();
    await this.#running?.end(signal);
    await this.#kept;
  }

  async stop(): Promise<void> {
    await this.takeAway('SIGTERM');
  }

  async #keep(variables: Variables, unwanted: AbortSignal): Promise<void> {
    while (!unwanted.aborted) {
      try {
        this.#running = await this.#start(variables, unwanted);
      } catch {
        // Without Temporal or the bucket a worker exits with a message: it is restarted.
        await delay(AGAIN_MS, undefined, { signal: unwanted }).catch(() => undefined);
        continue;
      }
      const worker = this.#running;
      // It may have been stopped at the moment in which it became ready.
      if (unwanted.aborted) await worker.end('SIGKILL');
      const code = await worker.ended;
      if (!unwanted.aborted) {
        const lastLines = worker.output().stderr.trimEnd().split('\n').slice(-3).join('\n');
        this.endedByItself.push(`exit code ${String(code)}: ${lastLines}`);
      }
      this.#past.push(worker);
      this.#running = undefined;
    }
  }
}
