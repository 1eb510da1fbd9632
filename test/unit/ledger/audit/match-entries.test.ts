import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchEntries, type Match } from '../../../../src/ledger/audit/match-entries.js';

async function* streamed<T>(entries: readonly T[]): AsyncGenerator<T> {
  yield* entries;
}

async function matchesOf(
  wanted: readonly number[],
  found: readonly (number | undefined)[],
): Promise<readonly Match<string, number>[]> {
  const matches: Match<string, number>[] = [];
  for await (const match of matchEntries(
    streamed(wanted.map((number) => ({ number, entry: `wanted ${number}` }))),
    streamed(found.map((number, entry) => ({ number, entry }))),
  )) {
    matches.push(match);
  }
  return matches;
}

test('every entry is matched exactly once, in any order', async () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 30 }));
  const found = fc.array(fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }));
  await fc.assert(
    fc.asyncProperty(numbers, found, async (wanted, lines) => {
      const matches = await matchesOf(wanted, lines);
      const there = new Set(lines);
      const named = matches.flatMap((match) => (match.kind === 'extra' ? [] : [match.wanted]));
      expect(named.toSorted()).toEqual(wanted.map((number) => `wanted ${number}`).toSorted());
      const indexes = matches.flatMap((match) => (match.kind === 'missing' ? [] : [match.found]));
      expect(indexes.toSorted((a, b) => a - b)).toEqual(lines.map((_, index) => index));
      const wrong = matches.filter(
        (match) => match.kind === 'pair' && `wanted ${lines[match.found]}` !== match.wanted,
      );
      expect(wrong).toEqual([]);
      const missing = matches.filter(({ kind }) => kind === 'missing');
      expect(missing).toHaveLength(wanted.filter((number) => !there.has(number)).length);
    }),
  );
});

test('a lost line does not break the pairs after it', async () => {
  const matches = await matchesOf([1, 2, 3, 4], [1, 3, 4]);
  expect(matches.filter(({ kind }) => kind !== 'pair')).toEqual([{ kind: 'missing', wanted: 'wanted 2' }]);
});
