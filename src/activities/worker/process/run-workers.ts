import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from '@temporalio/worker';
import { asPart } from '../../../domain/text/full-stop.js';
import { UsageError } from '../../../errors.js';

/** Running workers. */
export interface RunningWorker {
  /** Settles when the workers have ended; rejects with a UsageError if they ended by themselves. */
  readonly done: Promise<void>;
  /** Lets running activities end or hands them back, within a minute, and waits for that. Idempotent. */
  stop(): Promise<void>;
}

const STATE_EVERY_MS = 1_000;
const NAMESPACE_EVERY_MS = 10_000;
/** A server that has just started may not know its namespaces for a moment. */
const MISSING_CHECKS = 2;
/** Counted from the end of the first worker: Temporal accepts nothing from it any more. */
const ENDS_WITHIN_MS = 20_000;
/** More time than the SDK has to stop its workers. */
const STOPS_WITHIN_MS = 45_000;

const WHAT_TO_DO =
  'Check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the credentials, then start it again: nothing is lost.';

/**
 * Runs workers until `stop`, or until the first of them ends: the others are stopped with it, since some queues would
 * be left unserved. `missing` says why the workers' namespace is gone: without that check their polls would notice
 * late, and the SDK would wait for ever for the last of them.
 */
export function runWorkers(
  workers: readonly Worker[],
  missing: () => Promise<UsageError | undefined>,
  closeAll: () => Promise<void>,
): RunningWorker {
  const runs = workers.map((worker) => worker.run());
  const stopping = new AbortController();
  const closed = Promise.allSettled(runs).then(closeAll);
  closed.catch(() => undefined);
  const end = async (withinMs: number): Promise<void> => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    const ended = new AbortController();
    const waited = passed(withinMs, ended.signal);
    await Promise.race([closed, waited]).finally(() => ended.abort());
  };
  const run = async (): Promise<void> => {
    const ended = await Promise.race([
      firstEnd(runs),
      failedWorker(workers, stopping.signal),
      goneNamespace(missing, stopping.signal),
    ]);
    if (stopping.signal.aborted) return end(STOPS_WITHIN_MS);
    stopping.abort();
    await end(ENDS_WITHIN_MS).catch(() => undefined);
    throw (await missing()) ?? ended;
  };
  const done = run();
  done.catch(() => undefined);
  return {
    done,
    stop: async () => {
      stopping.abort();
      await done.catch(() => undefined);
    },
  };
}

async function firstEnd(runs: readonly Promise<void>[]): Promise<UsageError> {
  try {
    await Promise.race(runs);
    return new UsageError(`The worker has stopped by itself. ${WHAT_TO_DO}`);
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return new UsageError(`The worker has stopped: ${asPart(line)}. ${WHAT_TO_DO}`, { cause: error });
  }
}

/** Resolves once a worker has failed, even if its run never ends; or once `signal` is aborted. */
async function failedWorker(
  workers: readonly Worker[],
  signal: AbortSignal,
): Promise<UsageError | undefined> {
  while (await passed(STATE_EVERY_MS, signal)) {
    if (workers.some((worker) => worker.getState() === 'FAILED')) {
      return new UsageError(
        `The worker has stopped: Temporal refuses its polls; its log says why. ${WHAT_TO_DO}`,
      );
    }
  }
  return undefined;
}

/** Resolves once the namespace is gone, or once `signal` is aborted. */
async function goneNamespace(
  missing: () => Promise<UsageError | undefined>,
  signal: AbortSignal,
): Promise<UsageError | undefined> {
  let checks = 0;
  while (await passed(NAMESPACE_EVERY_MS, signal)) {
    const reason = await missing();
    checks = reason ? checks + 1 : 0;
    if (checks >= MISSING_CHECKS) return reason;
  }
  return undefined;
}

/** Whether the time passed before `signal` was aborted. */
async function passed(delayMs: number, signal: AbortSignal): Promise<boolean> {
  await delay(delayMs, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}
