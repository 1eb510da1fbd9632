import { recentPollers } from '../../status/queue-rates.js';
import { askWorker } from '../../network/temporal-calls.js';
import type { Config } from '../../config.js';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { UsageError } from '../../errors.js';
import type { SheetMeans } from '../../schedules/firings/firing-sheet.js';
import { isLost } from '../../schedules/lost-schedules.js';
import { readSchedule, type Schedule } from '../../schedules/schedule-client.js';
import type { HomeFolder } from '../../storage/layout.js';
import { withBatchAccess, type BatchAccess } from '../terminal/batch-access.js';
import type { CommandContext } from '../terminal/command-context.js';
import { askConsent, type Consent } from '../terminal/consent.js';
import { NO_WORKER } from '../control/send-to-batch.js';
import { opensPrivateSheets } from './sheet-reach.js';

/** `BatchAccess` plus the home of schedules. */
export interface ScheduleHome extends BatchAccess {
  readonly home: HomeFolder;
}

/** Gives `use` the bucket and Temporal, and closes them afterwards. Throws a UsageError or StorageError if one does not answer. */
export async function withSchedules<T>(
  config: Config,
  use: (access: ScheduleHome) => Promise<T>,
): Promise<T> {
  return withBatchAccess(config, (access) => {
    const { bucket, prefix } = access.bucket;
    return use({ ...access, home: { bucket, prefix } });
  });
}

/** How a schedule's runs read its sheet, if the workers have this configuration. */
export async function sheetMeans({ store }: Pick<BatchAccess, 'store'>, config: Config): Promise<SheetMeans> {
  return { store, allowPrivateAddresses: await opensPrivateSheets(config) };
}

/** An existing schedule. Throws a UsageError if there is none. */
export async function knownSchedule(access: ScheduleHome, name: ScheduleName): Promise<Schedule> {
  const schedule = await readSchedule(access, access.home, name);
  if (schedule) return schedule;
  if (await isLost(access, access.home, name)) throw new UsageError(lostText(name));
  throw new UsageError(`There is no schedule "${name}". List all schedules with: banana-batch schedule list`);
}

/** Explains a schedule that Temporal lacks although nobody has deleted it. */
export function lostText(name: ScheduleName): string {
  return `Temporal has deleted schedule "${name}": it does that to a schedule that is resumed a week or more after its last run or change. Restore it from the bucket with: banana-batch schedule resume ${name}`;
}

/** The sentence that no worker would start a run of the schedule; undefined if one would, or if Temporal does not answer. */
export async function noWorkerText({
  client,
  taskQueue,
}: Pick<BatchAccess, 'client' | 'taskQueue'>): Promise<string | undefined> {
  const queue = { namespace: client.options.namespace, name: taskQueue, takes: 'workflows' } as const;
  const pollers = await askWorker(client, () => recentPollers(client.connection, queue));
  return pollers?.length === 0 ? `Runs of a schedule are started by a worker. ${NO_WORKER}` : undefined;
}

/** Money may be spent from now on: a person at a terminal is asked; in a script the command itself is the consent. */
export async function consentToSchedule(
  context: CommandContext,
  { isFree }: Pick<BatchAccess, 'isFree'>,
  { yes }: { readonly yes: boolean },
  question: string,
): Promise<Consent> {
  if (yes || isFree() || !context.stdin.isTTY) return 'given';
  return askConsent(context, question);
}
