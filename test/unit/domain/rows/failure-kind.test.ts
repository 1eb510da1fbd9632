import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyJobFailure, generationLimit } from '../../../../src/domain/rows/failure-kind.js';

describe('a failed job', () => {
  it.each([
    ['Upstream returned no image', 'flaky'],
    ['INTERNAL ERROR', 'flaky'],
    ['model overloaded, try again', 'flaky'],
    ['blocked by safety, try again', 'refused'],
    ['Content prohibited', 'refused'],
    ['quota of pixels', 'unknown'],
    ['', 'unknown'],
  ] as const)('that says "%s" is %s', (message, kind) => {
    expect(classifyJobFailure(message)).toBe(kind);
  });

  it('is never bought again when refused, once when unknown, and otherwise up to the limit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), (most) => {
        expect(generationLimit('refused', most)).toBe(1);
        expect(generationLimit('unknown', most)).toBe(Math.min(2, most));
        expect(generationLimit('flaky', most)).toBe(most);
      }),
    );
  });
});
