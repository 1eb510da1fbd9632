import { EMPTY_TALLY, type Tally } from '../../domain/batch/tally.js';
import type { RowProgress } from './row-progress.js';

/** How many rows of a shard are at each step. */
export class PhaseCounts {
  pending = 0;
  inFlight = 0;
  copying = 0;
  readonly #away = new Set<number>();

  /** Pending rows that are in no queue: aside, or waiting for the delay of their next generation. */
  get away(): ReadonlySet<number> {
    return this.#away;
  }

  enter(progress: RowProgress, phase: 'pending' | 'inFlight' | 'copying'): void {
    progress.phase = phase;
    this[phase] += 1;
  }

  /** Counts the row as pending in no queue; the returned function tests whether it still is. */
  sendAway(progress: RowProgress, row: number): () => boolean {
    const away = {};
    this.enter(progress, 'pending');
    progress.away = away;
    this.#away.add(row);
    return () => progress.away === away;
  }

  leave(progress: RowProgress, row: number): void {
    const { phase } = progress;
    if (phase === 'settled' || phase === 'recorded') {
      throw new Error(`Row ${row} has ended already and cannot move.`);
    }
    this[phase] -= 1;
    this.#away.delete(row);
    progress.away = undefined;
  }

  get tally(): Tally {
    const { pending, inFlight, copying } = this;
    return { ...EMPTY_TALLY, total: pending + inFlight + copying, pending, inFlight, copying };
  }
}
