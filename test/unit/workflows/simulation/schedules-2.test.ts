import { expect, it } from 'vitest';
import { brokenSchedules } from '../../../support/simulation/simulated-world.js';

// The first half is a separate file, so that both run in parallel.
it(
  'window, budget, rows and the end of every batch hold in 50,000 other schedules',
  { timeout: 600_000 },
  () => {
    expect(brokenSchedules({ first: 50_001, count: 50_000 }, 10)).toEqual([]);
  },
);
