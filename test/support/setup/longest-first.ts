import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take more than about two minutes, most of which they wait; the longest first. */
const LONG = [
  'integration/real-input',
  'integration/servers/embedded-commands',
  'faults/commands/control-commands',
  'faults/service/api',
  'integration/servers/shared-servers',
  'faults/commands/control',
  'faults/service/other-account',
  'faults/service/poisoned-rows',
  'faults/service/budget',
  'faults/workers/stuck-workflow',
  // Of `npm test`.
  'integration/schedules/schedules',
  'integration/submission/submission',
].map((name) => `/test/${name}.test.ts`);

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONG.findIndex((name) => moduleId.endsWith(name));
  return rank === -1 ? LONG.length : rank;
}

/** Starts what takes long before all the rest, so that nothing long is left over at the end for a single process. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}
