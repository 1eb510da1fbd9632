import { z } from 'zod';
import { totalOf } from '../src/domain/money/decimal.js';
import type { Answer } from './service.js';

const amount = z.string().regex(/^-?\d+(\.\d+)?$/);

/** The JSON of an account. Source: the contract, "Account". */
export const balanceAnswer = z.object({ balance: amount, reserved: amount, available: amount });
export type BalanceAnswer = z.infer<typeof balanceAnswer>;

/** The account in an answer; undefined if it is not as the contract says. */
export function balanceOf(answer: Answer | undefined): BalanceAnswer | undefined {
  return answer?.status === 200 ? balanceAnswer.safeParse(answer.json).data : undefined;
}

/** `a` − `b`, exactly. */
export function less(a: string, b: string): string {
  return totalOf([
    { amount: a, times: 1 },
    { amount: b, times: -1 },
  ]);
}
