import path from 'node:path';
import { RARE_429S } from '../test/support/services/rare-429s.js';
import { startCommand } from '../test/support/commands/command-line.js';
import { startProxiedEngine, type ProxiedEngine } from '../test/support/stack/test-engine.js';
import { ChaosBatches } from './chaos-batches.js';
import type { ChaosPlan } from './plan.js';
import { WorkerPool } from './worker-pool.js';

/**
 * How long workers tolerate temporary faults before they hold: short, so that faults of some seconds cause whole holds.
 * The limits for a row that fails alone and for a missing job are longer than any fault of other origin.
 */
const CHAOS_LIMITS = {
  serviceFaultMs: 6_000,
  storageFaultMs: 4_000,
  createFaultMs: 60_000,
  jobFaultMs: 90_000,
  imageFaultMs: 120_000,
  goneAfterMs: 120_000,
};

const WORKER = path.resolve(import.meta.dirname, 'short-limits-worker.mjs');

/** Ends a fault. */
export type EndFault = () => void | Promise<void>;

/** The real servers, workers and batches of a run. */
export interface Arena {
  readonly plan: ChaosPlan;
  readonly engine: ProxiedEngine;
  readonly workers: WorkerPool;
  readonly batches: ChaosBatches;
  /** Writes a line, with the time since the start. */
  readonly say: (text: string) => void;
  /** Ends all processes. */
  readonly stop: () => Promise<void>;
}

/** Sandbox rates that a plan does not change: fates that rows do not recover from, and 503s that hold whole models. */
const CALM_RATES = { ...RARE_429S, 'job-refused': 0, 'job-unknown': 0, 'create-paused': 0 };

/** Starts servers and workers for a plan. */
export async function openArena(plan: ChaosPlan, say: (text: string) => void): Promise<Arena> {
  const engine = await startProxiedEngine({
    sandbox: {
      seed: plan.options.seed,
      everything: plan.misbehaviour,
      rates: CALM_RATES,
      jobTimeMs: { min: 300, max: 4_000 },
    },
  });
  const workers = new WorkerPool(plan.workers, (variables, signal) =>
    startCommand([], {
      cwd: engine.folder.path,
      variables: { ...engine.variables, CHAOS_LIMITS: JSON.stringify(CHAOS_LIMITS), ...variables },
      ready: 'The worker is ready.',
      program: WORKER,
      signal,
    }),
  );
  const batches = new ChaosBatches(engine, plan.options.seed, say);
  return {
    plan,
    engine,
    workers,
    batches,
    say,
    stop: async () => {
      try {
        await Promise.all([batches.stop(), workers.stop()]);
      } finally {
        await engine.stop();
      }
    },
  };
}
