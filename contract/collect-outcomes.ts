import { BoundReached, type Creates } from './creates.js';
import type { Outcome } from './verdict.js';

/**
 * Checks cases one after another until all are done or one has bought an image, which is proof enough. If the limit is
 * reached, violations found so far are kept; without any it throws `BoundReached`.
 */
export async function collectOutcomes<Case>(
  creates: Creates,
  cases: readonly Case[],
  look: (one: Case) => Promise<Outcome>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const one of cases) {
    const room = creates.room;
    try {
      outcomes.push(await look(one));
    } catch (error) {
      const isBroken = outcomes.some(({ kind }) => kind === 'broken');
      if (!(error instanceof BoundReached) || !isBroken) throw error;
      return outcomes;
    }
    if (creates.room < room) return outcomes;
  }
  return outcomes;
}
