import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentHash } from '../../../../src/domain/identity/content-hash.js';
import { idempotencyKey, idempotencyKeyOfBody } from '../../../../src/activities/row/idempotency-key.js';
import { parseBatchId, type BatchId } from '../../../../src/domain/rows/ids.js';
import { RowIds } from '../../../../src/domain/identity/row-id.js';

const hashOf = (prompt: string) =>
  contentHash({ prompt, model: 'nb', aspectRatio: '1:1', resolution: '1K', inputImages: [] });

function batch(text: string): BatchId {
  const id = parseBatchId(text);
  if (id === undefined) throw new Error(`not a batch id: ${text}`);
  return id;
}

function row(text: string) {
  const answer = new RowIds().give({ id: text, prompt: 'p', contentHash: hashOf('p'), count: 1, line: 2 });
  if (answer.kind !== 'given' || answer.rowIds[0] === undefined) throw new Error('no row id');
  return answer.rowIds[0];
}

const identity = fc.record({
  batchId: fc.constantFrom('a', 'a-1', 'a-1-b').map(batch),
  rowId: fc.constantFrom('1', '1-b', 'b', '","', '1"', 'ж').map(row),
  contentHash: fc.constantFrom('x', 'y').map(hashOf),
  generation: fc.integer({ min: 1, max: 12 }),
});

test('keys are equal exactly for the same generation of the same row', () => {
  fc.assert(
    fc.property(identity, identity, (first, second) => {
      const isSame = JSON.stringify(first) === JSON.stringify(second);
      expect(idempotencyKey(first) === idempotencyKey(second)).toBe(isSame);
    }),
    { numRuns: 1000 },
  );
});

test('a key is a UUID of version 5, and never changes between releases', () => {
  const key = idempotencyKey({
    batchId: batch('demo'),
    rowId: row('fox'),
    contentHash: hashOf('fox'),
    generation: 1,
  });
  expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(key).toBe('a600653d-88d1-5351-b9c7-ad631844e6ed');
});

test('a body with changing parts has its own key for each generation and form of them', () => {
  const keys = ['g1', 'g2'].flatMap((key) => ['x', 'y'].map((parts) => idempotencyKeyOfBody(key, parts)));
  expect(new Set(keys).size).toBe(4);
  expect(idempotencyKeyOfBody('g1', 'x')).toBe(keys[0]);
});
