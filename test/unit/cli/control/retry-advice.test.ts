import { describe, expect, it } from 'vitest';
import { retryAdvice } from '../../../../src/cli/control/retry-advice.js';

describe('retry advice', () => {
  it('is not given if every row has its image', () => {
    expect(retryAdvice('spring', {})).toBeUndefined();
    expect(retryAdvice('spring', { refused: 0 })).toBeUndefined();
  });

  it('lists the kinds that may succeed', () => {
    expect(retryAdvice('spring', { flaky: 2, refused: 1, cancelled: 3 })).toBe(
      'Retry what may succeed (flaky, cancelled): banana-batch retry spring',
    );
  });

  it('explains how to retry rows that a plain retry leaves alone', () => {
    expect(retryAdvice('spring', { refused: 1, invalid: 2 })).toMatch(
      /^Nothing to retry: .* only with --kind invalid,refused\.$/,
    );
  });
});
