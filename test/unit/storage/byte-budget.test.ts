import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryLimit } from '../../../src/storage/byte-budget.js';

/** Lets every promise that can settle do so. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the memory limit for image bodies', () => {
  it('is never exceeded, serves in order, and is released completely', async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('reserve' as const), size: fc.nat(150) }),
        fc.record({ kind: fc.constant('release' as const), size: fc.nat(20) }),
      ),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const budget = new MemoryLimit(100);
        const held: { size: number; release: () => void }[] = [];
        const admitted: number[] = [];
        let requested = 0;
        for (const { kind, size } of all) {
          if (kind === 'reserve') {
            const turn = requested++;
            void budget.reserve(size).then((release) => {
              admitted.push(turn);
              return held.push({ size: Math.min(size, 100), release });
            });
          } else held.splice(size % Math.max(1, held.length), 1)[0]?.release();
          await settle();
          expect(held.reduce((sum, one) => sum + one.size, 0)).toBeLessThanOrEqual(100);
        }
        while (held.length > 0) {
          held.shift()?.release();
          await settle();
        }
        expect(admitted).toEqual(Array.from({ length: requested }, (_, turn) => turn));
        const all100 = await budget.reserve(100);
        all100();
      }),
      { numRuns: 60 },
    );
  });

  it('gives a body larger than the limit all of it, alone', async () => {
    const budget = new MemoryLimit(100);
    const small = await budget.reserve(1);
    const seen: string[] = [];
    void budget.reserve(1_000).then((release) => {
      seen.push('large');
      return release;
    });
    void budget.reserve(1).then(() => seen.push('later'));
    await settle();
    expect(seen).toEqual([]);
    small();
    await settle();
    expect(seen).toEqual(['large']);
  });
});
