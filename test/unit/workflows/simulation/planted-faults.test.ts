import { describe, expect, it } from 'vitest';
import { BatchMoney } from '../../../../src/domain/money/batch-money.js';
import { ShardLease } from '../../../../src/domain/money/shard-lease.js';
import { OpenShards } from '../../../../src/workflows/batch/open-shards.js';
import { ReportContents } from '../../../../src/workflows/shard/messages/report-contents.js';
import { ShardHolds } from '../../../../src/workflows/shard/messages/shard-holds.js';
import { brokenSchedules } from '../../../support/simulation/simulated-world.js';

const SCHEDULES = { first: 1, count: 50_000 };

type Method = (this: unknown, ...args: never[]) => unknown;

/** Runs schedules with a method replaced, and returns the problems found. */
function withFault<Class extends object>(
  of: Class,
  method: keyof Class,
  plant: (original: Method) => Method,
): readonly string[] {
  const original = of[method];
  // The cast ignores parts of the types that do not matter here.
  of[method] = plant(original as Method) as Class[keyof Class];
  try {
    return brokenSchedules(SCHEDULES, 1);
  } finally {
    of[method] = original;
  }
}

/** Defects of each kind, and the check that finds them. */
const FAULTS: Readonly<Record<string, () => readonly string[]>> = {
  'a control that was overtaken is taken': () =>
    withFault(ShardHolds.prototype, 'take', (original) => {
      return function (this: ShardHolds, control: object) {
        return original.call(this, ...([{ ...control, seq: this.control.seq + 1 }] as never[]));
      } as Method;
    }),
  'a fault is in one report only': () =>
    withFault(ReportContents.prototype, 'next', (original) => {
      const sent = new Set<unknown>();
      return function (this: unknown, ...args) {
        const report = original.call(this, ...args) as { faults: readonly { id: number }[] };
        const faults = report.faults.filter((fault) => !sent.has(fault));
        for (const fault of faults) sent.add(fault);
        return { ...report, faults };
      };
    }),
  'a control does not say which report was taken': () =>
    withFault(OpenShards.prototype, 'takeReport', (original) => {
      return function (this: OpenShards, report: { seq: number }) {
        return original.call(this, ...([{ ...report, seq: 1 }] as never[]));
      } as Method;
    }),
  'a shard that was reset keeps its number of the execution': () =>
    withFault(ShardHolds.prototype, 'take', (original) => {
      return function (this: ShardHolds, control: object) {
        return original.call(this, ...([{ ...control, execution: this.control.execution }] as never[]));
      } as Method;
    }),
  'a batch takes the reports of a reset shard for those of its child': () =>
    withFault(
      OpenShards.prototype,
      'isOfOther',
      () =>
        function () {
          return false;
        },
    ),
  'a returned slot is counted twice': () =>
    withFault(ShardHolds.prototype, 'giveBack', (original) => {
      return function (this: unknown, slots: number) {
        original.call(this, ...([slots + 1] as never[]));
      };
    }),
  'an ended shard keeps its slots': () =>
    withFault(
      OpenShards.prototype,
      'close',
      () =>
        function () {
          return undefined;
        },
    ),
  'a lease covers every row': () =>
    withFault(
      ShardLease.prototype,
      'covers',
      () =>
        function () {
          return true;
        },
    ),
  'money is granted though the number in the bucket was not raised': () =>
    withFault(BatchMoney.prototype, 'settle', (original) => {
      return function (this: unknown, answer: object) {
        return original.call(this, ...([{ ...answer, isRaised: true }] as never[]));
      };
    }),
  'returned money is spent, too': () =>
    withFault(ShardLease.prototype, 'report', (original) => {
      return function (this: unknown, ...args) {
        const report = original.call(this, ...args) as { returned: number; granted: number } | undefined;
        return report && { ...report, returned: report.granted };
      };
    }),
  'a shard that was reset does not report its lease again': () =>
    withFault(
      ShardLease.prototype,
      'repeat',
      () =>
        function () {
          return undefined;
        },
    ),
  'a shard does not count what it bought before there was a budget': () =>
    withFault(
      ShardLease.prototype,
      'countPast',
      () =>
        function () {
          return undefined;
        },
    ),
  'what ended shards bought before there was a budget is not counted': () =>
    withFault(
      BatchMoney.prototype,
      'addPast',
      () =>
        function () {
          return undefined;
        },
    ),
  'a create does not check its grant': () => brokenSchedules(SCHEDULES, 1, { checksGrants: false }),
};

describe('an injected defect is found by the simulated schedules', () => {
  it.each(Object.entries(FAULTS))('%s', { timeout: 120_000 }, (_, find) => {
    expect(find()).toHaveLength(1);
  });
});
