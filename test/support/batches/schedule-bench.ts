import { createHash } from 'node:crypto';
import { parseScheduleName, type ScheduleName } from '../../../src/domain/batch/schedule-name.js';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import type { FiringRecord } from '../../../src/schedules/firings/firing-records.js';
import { triggerSchedule, type Triggered } from '../../../src/schedules/fire-now.js';
import { readFirings, type Firing } from '../../../src/schedules/firings/read-firings.js';
import {
  createSchedule,
  readSchedule,
  type Schedule,
  type ScheduleAccess,
  type SchedulePolicy,
} from '../../../src/schedules/schedule-client.js';
import type { ScheduledSheet } from '../../../src/schedules/scheduled-sheet.js';
import { SheetSettings } from '../../../src/sheet/index.js';
import type { HomeFolder } from '../../../src/storage/layout.js';
import { eventually } from '../eventually.js';
import type { TestEngine } from '../stack/test-engine.js';

/** The options of a test's schedule; the sheet is `s3://bucket/sheets/NAME.csv`. */
export interface ScheduleOptions {
  readonly mode: ScheduledSheet['mode'];
  /** Default: once a year. */
  readonly times?: ScheduledSheet['times'];
  readonly timezone?: string;
  readonly policy?: Partial<SchedulePolicy>;
  readonly sheet?: Partial<Pick<ScheduledSheet, 'source' | 'maxImages' | 'budget'>>;
  readonly concurrency?: number;
  /** Default: the engine's. */
  readonly taskQueue?: string;
}

/** Schedules of an engine. */
export interface ScheduleBench {
  readonly home: () => HomeFolder;
  /** Puts the sheet of a schedule into the bucket, replacing an earlier one. */
  readonly putSheet: (name: string, prompts: readonly string[]) => Promise<void>;
  readonly create: (name: string, options: ScheduleOptions) => Promise<ScheduleName>;
  readonly schedule: (name: ScheduleName) => Promise<Schedule>;
  readonly trigger: (name: ScheduleName, overlap?: 'skip' | 'allow-all') => Promise<Triggered>;
  readonly firings: (name: ScheduleName) => Promise<readonly Firing[]>;
  /** The records of its runs, oldest first, once that many have finished. */
  readonly over: (name: ScheduleName, count: number) => Promise<readonly FiringRecord[]>;
  /** Jobs made so far of these prompts. */
  readonly jobs: (...prompts: readonly string[]) => number;
}

export function scheduleBench(engine: () => TestEngine): ScheduleBench {
  const home = (): HomeFolder => ({ bucket: engine().stack.s3.bucket, prefix: '' });
  const access = (): ScheduleAccess => {
    const { stack, taskQueue } = engine();
    return { client: stack.temporal.client, store: stack.s3.store, taskQueue };
  };
  const schedule = async (name: ScheduleName): Promise<Schedule> => {
    const found = await readSchedule(access(), home(), name);
    if (!found) throw new Error(`There is no schedule ${name}.`);
    return found;
  };
  const firings = async (name: ScheduleName): Promise<readonly Firing[]> => {
    const found = await readSchedule(access(), home(), name);
    return readFirings(access(), home(), name, { last: 100, taken: found?.recent ?? [] });
  };
  return {
    home,
    schedule,
    firings,
    putSheet: async (name, prompts) => {
      const ref = { bucket: home().bucket, key: `sheets/${name}.csv` };
      const body = Buffer.from(`prompt\n${prompts.map((prompt) => `${prompt}\n`).join('')}`);
      await engine().stack.s3.store.put(ref, body, { contentType: 'text/csv' });
    },
    create: async (text, options) => {
      const name = parseScheduleName(text);
      if (!name) throw new Error(`${text} is no name of a schedule.`);
      const sheet: ScheduledSheet = {
        format: 1,
        schedule: name,
        mode: options.mode,
        home: home(),
        service: new URL(engine().apiUrl).origin,
        source: { kind: 'address', address: `s3://${home().bucket}/sheets/${name}.csv` },
        sheetSettings: SheetSettings.parse({}),
        settings: {
          concurrency: options.concurrency ?? 10,
          maxGenerations: 4,
          graceMs: 2_000,
          idempotencyHorizonMs: 86_400_000,
          probeFirstMs: 500,
          probeLongestMs: 1_000,
        },
        timezone: options.timezone ?? 'UTC',
        times: options.times ?? { kind: 'cron', expressions: ['0 0 1 1 *'] },
        ...options.sheet,
      };
      const { taskQueue = engine().taskQueue } = options;
      await createSchedule({ ...access(), taskQueue }, sheet, { overlap: 'skip', ...options.policy });
      return name;
    },
    trigger: (name, overlap = 'skip') => triggerSchedule(access().client, name, overlap),
    over: (name, count) =>
      eventually(
        async () => {
          const records = (await firings(name)).flatMap((firing) =>
            firing.kind === 'recorded' && firing.record.outcome.kind !== 'running' ? [firing.record] : [],
          );
          return records.length >= count && records.toReversed();
        },
        { what: `${count} firings of ${name} are over`, withinMs: 100_000, everyMs: 250 },
      ),
    jobs: (...prompts) => {
      const options = new Set(prompts.map((prompt) => createHash('sha256').update(prompt).digest('hex')));
      return engine()
        .sandbox.jobs()
        .filter(({ promptSha256 }) => options.has(promptSha256)).length;
    },
  };
}

/** The batch of a run that has one. */
export function batchOf({ outcome }: FiringRecord): BatchId | undefined {
  return 'batchId' in outcome ? outcome.batchId : undefined;
}
