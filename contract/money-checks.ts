import { compareDecimals } from '../src/domain/money/decimal.js';
import { balanceOf, less } from './balance-answer.js';
import { shown, type EvidenceCheck } from './check.js';
import { isAccepted, overSamples } from './create-checks.js';
import type { SampleEvidence } from './evidence.js';
import { endOf } from './job-answer.js';
import { broken, HOLDS, verdictOf, type Outcome } from './verdict.js';

const cost = 'the images of the plan';
const section = 'Account';

/** What an accepted create reserved from the available balance; undefined if unknown. */
function priceOf(sample: SampleEvidence): string | undefined {
  const before = balanceOf(sample.balances.before);
  const created = balanceOf(sample.balances.created);
  if (!isAccepted(sample) || before === undefined || created === undefined) return undefined;
  return less(before.available, created.available);
}

/** Compares the account before and after a sample; samples with unreadable answers do not count. */
function compare(
  sample: SampleEvidence,
  look: (amounts: {
    readonly price: string;
    readonly charged: string;
    readonly stillReserved: string;
  }) => string | undefined,
): Outcome | undefined {
  const before = balanceOf(sample.balances.before);
  const ended = balanceOf(sample.balances.ended);
  const price = priceOf(sample);
  if (before === undefined || ended === undefined || price === undefined) return undefined;
  const charged = less(before.balance, ended.balance);
  const problem = look({ price, charged, stillReserved: less(ended.reserved, before.reserved) });
  return problem === undefined ? HOLDS : broken(sample.sample.name, problem);
}

/** The account. These checks fail if another program uses it at the same time. */
export const MONEY_CHECKS: readonly EvidenceCheck[] = [
  {
    id: 'balance.answer',
    sentence: 'balance, reserved and available are decimals in quotes.',
    section,
    cost: 'nothing',
    look: ({ answers }) =>
      verdictOf(
        '200 with three decimal strings',
        answers
          .filter(isAccount)
          .map((answer) => (balanceOf(answer) ? HOLDS : broken('GET /balance', shown(answer)))),
        'answer',
      ),
  },
  {
    id: 'balance.adds-up',
    sentence: 'available is balance − reserved.',
    section,
    cost: 'nothing',
    look: ({ answers }) =>
      verdictOf(
        'balance − reserved',
        answers.filter(isAccount).flatMap((answer) => {
          const account = balanceOf(answer);
          if (account === undefined) return [];
          const { balance, reserved, available } = account;
          const adds = compareDecimals(less(balance, reserved), available) === 0;
          return adds ? HOLDS : broken('GET /balance', shown(answer));
        }),
        'answer',
        'no answer was readable',
      ),
  },
  {
    id: 'money.reserved',
    sentence: 'A create reserves its price from the available balance.',
    section,
    cost,
    look: (evidence) =>
      overSamples(evidence, 'a lower available balance after the create', (sample) => {
        const price = priceOf(sample);
        // A job that failed meanwhile may have returned its reservation.
        if (price === undefined || endOf(sample.polls) === 'failed') return undefined;
        return compareDecimals(price, '0') > 0 ? HOLDS : broken(sample.sample.name, `${price} less`);
      }),
  },
  {
    id: 'replay.free',
    sentence: 'A repeated create does not reserve the price again.',
    section: 'Models and endpoints',
    cost,
    look: (evidence) =>
      overSamples(
        evidence,
        'the same available balance as after the first create',
        (sample) => {
          const created = balanceOf(sample.balances.created);
          const replayed = balanceOf(sample.balances.replayed);
          // A job that failed in between may have returned its reservation.
          if (!created || !replayed || endOf(sample.polls) === 'failed') return undefined;
          const more = less(created.available, replayed.available);
          return compareDecimals(more, '0') === 0 ? HOLDS : broken(sample.sample.name, `${more} less`);
        },
        'no create was sent twice',
      ),
  },
  {
    id: 'money.charged',
    sentence: 'A done job is charged what its create reserved.',
    section,
    cost,
    look: (evidence) =>
      overSamples(evidence, 'the price, once', (sample) =>
        endOf(sample.polls) === 'done'
          ? compare(sample, ({ price, charged }) =>
              compareDecimals(price, charged) === 0
                ? undefined
                : `${charged} charged, ${price} reserved at first`,
            )
          : undefined,
      ),
  },
  {
    id: 'money.released',
    sentence: 'Nothing stays reserved for a job that has ended.',
    section,
    cost,
    look: (evidence) =>
      overSamples(evidence, 'the same amount reserved as before', (sample) =>
        endOf(sample.polls) !== undefined
          ? compare(sample, ({ stillReserved }) =>
              compareDecimals(stillReserved, '0') === 0 ? undefined : `${stillReserved} more reserved`,
            )
          : undefined,
      ),
  },
  {
    id: 'open.prices',
    sentence: 'What did each image cost?',
    section,
    cost,
    look: ({ samples }) => {
      const says = samples.flatMap((sample) => {
        const price = priceOf(sample);
        return price === undefined ? [] : [`${sample.sample.name}: ${price}`];
      });
      return says.length === 0
        ? { kind: 'skipped', why: 'no image was made' }
        : { kind: 'finding', says: says.join('; ') };
    },
  },
  {
    id: 'open.failed-charged',
    sentence: 'Is a failed job charged?',
    section,
    cost,
    look: ({ samples }) => {
      const says = samples.flatMap((sample) => {
        if (endOf(sample.polls) !== 'failed') return [];
        const before = balanceOf(sample.balances.before);
        const ended = balanceOf(sample.balances.ended);
        if (before === undefined || ended === undefined) return [];
        return [`${sample.sample.name}: ${less(before.balance, ended.balance)} charged`];
      });
      if (says.length > 0) return { kind: 'finding', says: says.join('; ') };
      return { kind: 'skipped', why: 'no job failed', enable: 'with --failing-prompt' };
    },
  },
];

function isAccount({ call, status }: { call: { path: string }; status: number }): boolean {
  return call.path === '/balance' && status >= 200 && status < 300;
}
