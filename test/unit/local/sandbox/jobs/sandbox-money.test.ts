import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DueQueue } from '../../../../../src/local/sandbox/jobs/due-queue.js';
import { JobSlots } from '../../../../../src/local/sandbox/jobs/job-store.js';
import { Ledger, formatMicros, parseMicros } from '../../../../../src/local/sandbox/jobs/ledger.js';

const micros = fc.bigInt({ min: 0n, max: 10n ** 15n });

describe('amounts', () => {
  it('are the same after being written and read', () => {
    fc.assert(
      fc.property(micros, (amount) => {
        expect(parseMicros(formatMicros(amount))).toBe(amount);
      }),
    );
  });

  it.each([
    [0n, '0.00'],
    [1n, '0.000001'],
    [400_000n, '0.40'],
    [12_500_000n, '12.50'],
    [12_345_600n, '12.3456'],
    [-80_000n, '-0.08'],
  ])('of %s millionths are written %s', (amount, text) => {
    expect(formatMicros(amount)).toBe(text);
  });

  it.each(['', '-1', '1e3', '.5', '1.', '1.0000001', '1,5', ' 1'])('are not read from "%s"', (text) => {
    expect(() => parseMicros(text)).toThrow('is not an amount');
  });
});

describe('a ledger', () => {
  it('neither creates nor loses a millionth, whatever is reserved, charged and returned', () => {
    const step = fc.record({ price: fc.bigInt({ min: 0n, max: 5_000_000n }), charge: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat({ max: 59 }), (steps, settled) => {
        const ledger = new Ledger(() => '50');
        const taken = steps.filter(({ price }) => {
          const covered = ledger.covers('a', price);
          if (covered) ledger.reserve('a', price);
          return covered;
        });
        const ended = taken.slice(0, settled);
        for (const { price, charge } of ended) ledger.settle('a', price, charge);
        const sum = (some: typeof steps) => some.reduce((total, { price }) => total + price, 0n);
        const charged = ended.filter(({ charge }) => charge);
        const account = ledger.read('a');
        expect(account.balance).toBe(50_000_000n - sum(charged));
        expect(account.charged).toBe(sum(charged));
        expect(account.jobsCharged).toBe(charged.length);
        expect(account.reserved).toBe(sum(taken.slice(settled)));
        expect(account.available).toBe(account.balance - account.reserved);
        expect(account.available >= 0n).toBe(true);
      }),
    );
  });
});

describe('the event queue', () => {
  it('returns everything due, soonest first, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 100 })), fc.nat({ max: 100 }), (times, now) => {
        const queue = new DueQueue<number>();
        for (const at of times) queue.push(at, at);
        const taken: number[] = [];
        for (let due = queue.takeDue(now); due !== undefined; due = queue.takeDue(now)) taken.push(due.item);
        expect(taken).toEqual(times.filter((at) => at <= now).sort((a, b) => a - b));
        expect(queue.size).toBe(times.length - taken.length);
      }),
    );
  });
});

describe('job slots', () => {
  it('never run more jobs at a time than their limit, and start none early', () => {
    const jobs = fc.array(fc.record({ wait: fc.nat({ max: 20 }), takes: fc.integer({ min: 1, max: 50 }) }));
    fc.assert(
      fc.property(jobs, fc.integer({ min: 1, max: 5 }), (arrivals, limit) => {
        const slots = new JobSlots();
        let now = 0;
        const spans = arrivals.map(({ wait, takes }) => {
          now += wait;
          const start = slots.take(now, takes, limit);
          expect(start).toBeGreaterThanOrEqual(now);
          return { start, end: start + takes };
        });
        for (const { start } of spans) {
          const atWork = spans.filter((span) => span.start <= start && start < span.end);
          expect(atWork.length).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });
});
