import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stackFolder } from '../../local/servers/stack-info.js';
import { UsageError } from '../../errors.js';
import { loadWorker } from '../../load-worker.js';
import type { RunningWorker } from '../../activities/worker/process/run-workers.js';
import type { StartWorkerOptions } from '../../worker.js';

/** The worker of `run` and `dev`, which starts with the command or later, and ends with it. */
export class EngineWorker {
  /** Resolves if a later start failed, or if the worker ended unexpectedly. */
  readonly lost: Promise<Error>;
  readonly #cwd: string;
  #lose: (error: Error) => void = () => undefined;
  #starting: Promise<RunningWorker> | undefined;
  #isStopped = false;

  constructor(cwd: string) {
    this.#cwd = cwd;
    this.lost = new Promise((resolve) => (this.#lose = resolve));
  }

  get isStarted(): boolean {
    return this.#starting !== undefined;
  }

  async start(options: Omit<StartWorkerOptions, 'log'>): Promise<void> {
    this.#starting = this.#open(options);
    void this.#watch(await this.#starting);
  }

  /** Starts it while the command continues; a failure counts as a lost worker. */
  async startUnlessStopped(options: Omit<StartWorkerOptions, 'log'>): Promise<void> {
    if (this.#isStopped) return;
    try {
      await this.start(options);
    } catch (error) {
      this.#lose(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const running = await this.#starting?.catch(() => undefined);
    await running?.stop();
  }

  async #open(options: Omit<StartWorkerOptions, 'log'>): Promise<RunningWorker> {
    // Loaded only here: loading the SDK's worker takes longer than reading a batch's status.
    const [{ startWorker, logTemporalTo }, { logToFile }] = await Promise.all([
      loadWorker(),
      import('./log.js'),
    ]);
    const log = logToFile(workerLog(this.#cwd));
    logTemporalTo(log);
    return startWorker({ ...options, log });
  }

  async #watch(worker: RunningWorker): Promise<void> {
    const reason = await worker.done.then(
      () => 'The worker has stopped.',
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (this.#isStopped) return;
    // A server that died takes the worker with it: report the server first.
    await sleep(500);
    const log = path.relative(this.#cwd, workerLog(this.#cwd));
    this.#lose(new UsageError(`${reason} Its log: ${log}`));
  }
}

/** Where the worker of `run` and `dev` writes its log. */
export function workerLog(cwd: string): string {
  return path.join(stackFolder(cwd), 'logs', 'worker.log');
}
