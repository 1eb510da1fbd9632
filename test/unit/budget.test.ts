import { describe, expect, it } from 'vitest';
import { BudgetSimulation } from '../support/budget-simulation.js';

/** Numbers from 0 to 1 by a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('a budget', () => {
  it('is never exceeded by one image, and spent as far as it goes, in 1,000 seeded runs', () => {
    for (let seed = 1; seed <= 1_000; seed++) {
      const simulation = new BudgetSimulation(seeded(seed), ({ spent, committed, highestCap }) => {
        if (spent > committed || committed > highestCap) {
          expect.fail(`Seed ${seed}: ${spent} spent, ${committed} leased, ${highestCap} allowed.`);
        }
      });
      simulation.run(600);
      const end = simulation.settle();
      const said = `Seed ${seed}: ${JSON.stringify(end)}`;
      expect(end.unspent, said).toBe(0);
      if (end.losses === 0) expect(end.committed, said).toBe(end.spent);
      if (end.rowsLeft > 0) {
        expect(end.stoppedAt, said).toBe(end.next);
        expect(end.next, said).toBeGreaterThan(end.cap - end.committed);
      }
    }
  });
});
