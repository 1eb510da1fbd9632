import { setTimeout as delay } from 'node:timers/promises';
import type { Arena } from './arena.js';
import type { FaultKind } from './fault-kinds.js';
import { startFault } from './faults.js';
import { seconds } from './plan-text.js';
import type { PlannedFault } from './plan.js';
import type { FaultCounts } from './results-text.js';

/** The faults of a run, started and ended as planned. */
export class FaultRunner {
  readonly #arena: Arena;
  readonly #counts = new Map<FaultKind, { due: number; hit: number }>();
  readonly #inForce = new Set<PlannedFault>();

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get counts(): FaultCounts {
    return this.#counts;
  }

  /** The faults that are active now. */
  get inForce(): readonly FaultKind[] {
    return [...this.#inForce].map(({ kind }) => kind);
  }

  /**
   * Starts the faults of one group, each at its time but not before the previous one has ended, which may be late;
   * faults that have not started within `durationMs` are left out. Ends all as soon as `signal` is aborted.
   */
  async runGroup(faults: readonly PlannedFault[], durationMs: number, signal: AbortSignal): Promise<void> {
    const startedMs = performance.now();
    const left = (untilMs: number): number => Math.max(0, untilMs - (performance.now() - startedMs));
    for (const fault of faults) {
      await rest(left(fault.atMs), signal);
      if (signal.aborted || left(durationMs) === 0) return;
      await this.#throw(fault, (ms) => rest(Math.min(ms, left(durationMs)), signal));
    }
  }

  async #throw(fault: PlannedFault, wait: (ms: number) => Promise<void>): Promise<void> {
    const { say } = this.#arena;
    const { kind, forMs } = fault;
    const count = this.#counts.get(kind) ?? { due: 0, hit: 0 };
    this.#counts.set(kind, count);
    count.due += 1;
    const lift = await startFault(this.#arena, fault).catch((error: unknown) => {
      say(`fault ${kind} could not be started: ${error instanceof Error ? error.message : String(error)}`);
    });
    if (!lift) return say(`fault ${kind}: nothing to apply it to`);
    count.hit += 1;
    say(`fault ${kind}${forMs > 0 ? ` for ${seconds(forMs)} s` : ''}`);
    this.#inForce.add(fault);
    await wait(forMs);
    await lift();
    this.#inForce.delete(fault);
    if (forMs > 0) say(`end of ${kind}`);
  }
}

/** Waits for a time, or until `signal` is aborted. */
export async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
