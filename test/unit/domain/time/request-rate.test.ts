import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PollTurns } from '../../../../src/activities/worker/poll-turns.js';
import {
  freeAfter,
  freeAtNewRate,
  parseRate,
  rateText,
  shareOfRate,
} from '../../../../src/domain/time/request-rate.js';

const perSecond = fc.double({ min: 0.01, max: 1_000, noNaN: true });

describe('requests with a rate limit', () => {
  it('never exceed it over any time by more than one and a tenth of a second', () => {
    const arrivals = fc.array(fc.double({ min: 0, max: 5_000, noNaN: true }), { maxLength: 200 });
    fc.assert(
      fc.property(perSecond, arrivals, (rate, gapsMs) => {
        let [freeAtMs, cameMs] = [0, 0];
        const wentMs = gapsMs.map((gapMs) => {
          cameMs += gapMs;
          const nowMs = Math.max(cameMs, freeAtMs);
          freeAtMs = freeAfter(freeAtMs, { nowMs, perSecond: rate });
          return nowMs;
        });
        for (const [first, fromMs] of wentMs.entries()) {
          for (const [last, toMs] of wentMs.entries()) {
            if (last < first) continue;
            const most = 1 + ((toMs - fromMs + 100) / 1_000) * rate;
            expect(last - first + 1).toBeLessThanOrEqual(most + 1e-6);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('wait no longer than a changed rate requires', () => {
    fc.assert(
      fc.property(perSecond, fc.nat(10_000_000), fc.nat(10_000_000), (rate, freeAtMs, nowMs) => {
        const free = freeAtNewRate(freeAtMs, { nowMs, perSecond: rate });
        expect(free).toBeLessThanOrEqual(Math.min(freeAtMs, nowMs + 1_000 / rate));
      }),
    );
  });

  it('are shared so that all processes together keep the limit', () => {
    fc.assert(
      fc.property(perSecond, fc.nat(100), (rate, processes) => {
        expect(shareOfRate(rate, processes) * processes).toBeLessThanOrEqual(rate * (1 + 1e-9));
      }),
    );
  });

  it('read a rate and write it in the same form', () => {
    for (const [text, rate] of [
      ['600/m', 10],
      ['10/s', 10],
      ['0.5/s', 0.5],
      ['90 / M', 1.5],
      ['5000/h', 5000 / 3600],
    ] as const) {
      expect(parseRate(text)).toBeCloseTo(rate, 9);
    }
    for (const text of [
      '0/s',
      '-1/s',
      '10',
      '10/d',
      's',
      '',
      '1e3/s',
      'NaN/s',
      '10/s/s',
      '9999999/s',
      'on',
    ]) {
      expect(parseRate(text)).toBeUndefined();
    }
    const written = fc.tuple(fc.integer({ min: 1, max: 9_999 }), fc.constantFrom('s', 'm', 'h'));
    fc.assert(
      fc.property(written, ([amount, unit]) => {
        const rate = parseRate(`${amount}/${unit}`) ?? NaN;
        // Temporal stores it in single precision.
        expect(parseRate(rateText(Math.fround(rate)))).toBeCloseTo(rate, 3);
      }),
    );
  });
});

describe('poll turns', () => {
  const signal = new AbortController().signal;

  it('come at once without a rate, and to all waiting when it is removed', async () => {
    const turns = new PollTurns();
    await turns.take(signal);
    turns.setRate(1 / 3_600);
    await turns.take(signal);
    const waiting = Promise.all([turns.take(signal), turns.take(signal)]);
    turns.setRate(undefined);
    await expect(waiting).resolves.toHaveLength(2);
  });

  it('are passed on when a waiter leaves, in the order of arrival', async () => {
    const turns = new PollTurns();
    turns.setRate(5);
    const gone = new AbortController();
    const came: string[] = [];
    const wait = async (name: string, until: AbortSignal): Promise<void> => {
      await turns.take(until);
      came.push(name);
    };
    const all = [
      wait('first', signal),
      wait('second', signal),
      wait('gone', gone.signal),
      wait('third', signal),
    ];
    gone.abort(new Error('taken back'));
    expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(came).toEqual(['first', 'second', 'third']);
  });
});
