import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type Client,
  type ScheduleOptions,
  type ScheduleDescription as TemporalSchedule,
} from '@temporalio/client';
import { type ScheduleName, parseScheduleName } from '../domain/batch/schedule-name.js';
import type { ScheduleOverlap } from '../domain/batch/schedule-overlap.js';
import { UsageError } from '../errors.js';
import { readDocumentIfAny } from '../ledger/files/read-document.js';
import type { HomeFolder } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { FiringArgument } from '../workflows/protocol/firing-activities.js';
import { firingWorkflowId, scheduleId } from '../workflows/protocol/names.js';
import { putScheduledSheet } from './pinned-sheet.js';
import { putScheduleNote } from './schedule-note.js';
import { ScheduledSheet, firingArgument } from './scheduled-sheet.js';
import { DEFAULT_CATCHUP_MS, overlapOf, temporalOverlap } from './schedule-overlap.js';

/** Temporal, the bucket, and the task queue for a schedule's runs. A command's `BatchAccess` is one. */
export interface ScheduleAccess {
  readonly client: Client;
  readonly store: ObjectStore;
  readonly taskQueue: string;
}

/** The policy of a schedule, besides its times and zone. */
export interface SchedulePolicy {
  /** Maximum random delay of a run. Default: none. */
  readonly jitterMs?: number;
  /** What happens to a run of the schedule while the previous one is active. */
  readonly overlap: ScheduleOverlap;
  /** How long missed runs are caught up, at least 10 s. Default 10 min. */
  readonly catchupMs?: number;
}

/** A run of the schedule that Temporal has started. */
export interface TakenFiring {
  /** Its nominal time. */
  readonly firingAt: Date;
  /** The same with jitter. */
  readonly scheduledAt: Date;
  readonly takenAt: Date;
  readonly workflowId: string;
  readonly runId: string;
}

/** The present state of a schedule. */
export interface Schedule {
  readonly name: ScheduleName;
  readonly sheet: ScheduledSheet;
  readonly policy: Required<SchedulePolicy>;
  readonly paused: boolean;
  /** The last note on why it is paused or resumed. */
  readonly note: string | undefined;
  /** At most the next ten times; also while it is paused. */
  readonly next: readonly Date[];
  /** At most the last ten, oldest first. */
  readonly recent: readonly TakenFiring[];
  /** Nominal times of active runs, as far as Temporal has noticed. */
  readonly running: readonly Date[];
  readonly skippedOverlap: number;
  readonly missedCatchup: number;
  readonly createdAt: Date;
}

/** A schedule in a list of them. */
export interface ListedSchedule {
  readonly name: ScheduleName;
  readonly paused: boolean;
  readonly note: string | undefined;
  readonly next: readonly Date[];
  /** Its last run, according to Temporal's index. */
  readonly lastFiringAt: Date | undefined;
}

/** Creates a schedule. Throws a UsageError if the name is taken, and if its times, zone or policy are invalid. */
export async function createSchedule(
  access: ScheduleAccess,
  sheet: ScheduledSheet,
  policy: SchedulePolicy,
  state: { readonly paused?: boolean; readonly note?: string } = {},
): Promise<void> {
  const argument = await putScheduledSheet(access.store, sheet);
  try {
    await access.client.schedule.create({
      scheduleId: scheduleId(sheet.schedule),
      ...temporalOptions(access, sheet, argument, policy),
      memo: { [HOME_MEMO]: sheet.home },
      state: { paused: state.paused ?? false, ...(state.note !== undefined && { note: state.note }) },
    });
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) {
      throw new UsageError(
        `Schedule "${sheet.schedule}" already exists. See it with: banana-batch schedule show ${sheet.schedule}`,
      );
    }
    throw refusedTimes(error, sheet);
  }
  await putScheduleNote(access.store, sheet.home, sheet.schedule, { sheetKey: argument.sheetKey, policy });
}

/** Changes what later runs do, and how; active ones are unchanged. Throws as `createSchedule`, and if there is no such schedule. */
export async function updateSchedule(
  access: ScheduleAccess,
  sheet: ScheduledSheet,
  policy: SchedulePolicy,
): Promise<void> {
  const argument = await putScheduledSheet(access.store, sheet);
  try {
    await access.client.schedule.getHandle(scheduleId(sheet.schedule)).update(({ state }) => ({
      ...temporalOptions(access, sheet, argument, policy),
      state: { paused: state.paused, ...(state.note !== undefined && { note: state.note }) },
    }));
  } catch (error) {
    throw refusedTimes(known(error, sheet.schedule), sheet);
  }
  await putScheduleNote(access.store, sheet.home, sheet.schedule, { sheetKey: argument.sheetKey, policy });
}

/** A schedule as Temporal and the bucket have it; undefined if there is none. Throws a UsageError for one of another place. */
export async function readSchedule(
  { client, store }: Pick<ScheduleAccess, 'client' | 'store'>,
  home: HomeFolder,
  name: ScheduleName,
): Promise<Schedule | undefined> {
  const found = await describedSchedule(client, name);
  if (!found) return undefined;
  const argument = firingArgument.parse(found.action.args?.[0]);
  if (argument.home.bucket !== home.bucket || argument.home.prefix !== home.prefix) {
    throw new UsageError(
      `Schedule "${name}" belongs to s3://${argument.home.bucket}/${argument.home.prefix}, but s3://${home.bucket}/${home.prefix} is configured. Set BANANA_BUCKET and BANANA_PREFIX as they were when the schedule was created, or use another name here.`,
    );
  }
  const ref = { bucket: home.bucket, key: argument.sheetKey };
  const sheet = await readDocumentIfAny(store, ref, ScheduledSheet);
  if (!sheet) {
    throw new UsageError(
      `The settings of schedule "${name}" are missing: s3://${ref.bucket}/${ref.key}. Restore that object, or delete the schedule and create it again.`,
    );
  }
  const { policies, spec, state, info } = found;
  return {
    name,
    sheet,
    policy: {
      jitterMs: spec.jitter ?? 0,
      overlap: overlapOf(policies.overlap),
      catchupMs: policies.catchupWindow,
    },
    paused: state.paused,
    note: state.note || undefined,
    next: info.nextActionTimes,
    recent: takenFirings(found),
    running: info.runningActions.flatMap(({ workflow }) => nominalTime(workflow.workflowId) ?? []),
    skippedOverlap: info.numActionsSkippedOverlap,
    missedCatchup: info.numActionsMissedCatchupWindow,
    createdAt: info.createdAt,
  };
}

/** The schedules of a place, from Temporal's index, which is slightly delayed; in no particular order. */
export async function* listSchedules(client: Client, home: HomeFolder): AsyncGenerator<ListedSchedule> {
  for await (const { scheduleId: id, memo, state, info } of client.schedule.list()) {
    const name = id.startsWith(ID_PREFIX) ? parseScheduleName(id.slice(ID_PREFIX.length)) : undefined;
    const own = ScheduledSheet.shape.home.safeParse(memo?.[HOME_MEMO]).data;
    if (name === undefined || own?.bucket !== home.bucket || own.prefix !== home.prefix) continue;
    yield {
      name,
      paused: state.paused,
      note: state.note || undefined,
      next: info.nextActionTimes,
      lastFiringAt: info.recentActions.at(-1)?.scheduledAt,
    };
  }
}

/** Pauses a schedule; active runs continue. No effect with an empty note. Throws a UsageError if there is no such schedule. */
export async function pauseSchedule(client: Client, name: ScheduleName, note: string): Promise<void> {
  await orUnknown(name, () => client.schedule.getHandle(scheduleId(name)).pause(note));
}

/** Resumes a schedule. No effect with an empty note. Throws a UsageError if there is no such schedule. */
export async function resumeSchedule(client: Client, name: ScheduleName, note: string): Promise<void> {
  await orUnknown(name, () => client.schedule.getHandle(scheduleId(name)).unpause(note));
}

/** Deletes a schedule; active runs continue, and everything in the bucket stays. Throws a UsageError if there is no such schedule. */
export async function deleteSchedule(
  { client, store }: Pick<ScheduleAccess, 'client' | 'store'>,
  { name, sheet, policy }: Pick<Schedule, 'name' | 'sheet' | 'policy'>,
): Promise<void> {
  const { sheetKey } = await putScheduledSheet(store, sheet);
  await orUnknown(name, () => client.schedule.getHandle(scheduleId(name)).delete());
  const deletedAt = new Date().toISOString();
  await putScheduleNote(store, sheet.home, name, { sheetKey, policy, deletedAt });
}

/** The schedule from Temporal alone; undefined if there is none. */
export async function describedSchedule(
  client: Client,
  name: ScheduleName,
): Promise<TemporalSchedule | undefined> {
  try {
    return await client.schedule.getHandle(scheduleId(name)).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

/** Runs a call about a schedule; throws a UsageError if there is no such schedule. */
export async function orUnknown<T>(name: ScheduleName, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw known(error, name);
  }
}

/** The last runs that Temporal has started, oldest first. */
export function takenFirings({ info }: Pick<TemporalSchedule, 'info'>): readonly TakenFiring[] {
  return info.recentActions.map(({ scheduledAt, takenAt, action: { workflow } }) => ({
    firingAt: nominalTime(workflow.workflowId) ?? scheduledAt,
    scheduledAt,
    takenAt,
    workflowId: workflow.workflowId,
    runId: workflow.firstExecutionRunId,
  }));
}

/** The nominal time that Temporal appends to the workflow ids of a schedule's runs: without jitter. */
function nominalTime(workflowId: string): Date | undefined {
  const [time] = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.exec(workflowId) ?? [];
  return time === undefined ? undefined : new Date(time);
}

const HOME_MEMO = 'bananaBatchHome';
const ID_PREFIX = scheduleId('' as ScheduleName);

function temporalOptions(
  { taskQueue }: ScheduleAccess,
  { schedule, times, timezone }: ScheduledSheet,
  argument: FiringArgument,
  { jitterMs = 0, overlap, catchupMs = DEFAULT_CATCHUP_MS }: SchedulePolicy,
): Pick<ScheduleOptions, 'spec' | 'action' | 'policies'> {
  return {
    spec: {
      ...(times.kind === 'cron'
        ? { cronExpressions: [...times.expressions] }
        : { intervals: [{ every: times.everyMs, offset: times.offsetMs }] }),
      timezone,
      ...(jitterMs > 0 && { jitter: jitterMs }),
    },
    action: {
      type: 'startWorkflow',
      workflowType: 'scheduledFiring',
      workflowId: firingWorkflowId(schedule),
      taskQueue,
      args: [argument],
    },
    policies: { overlap: temporalOverlap(overlap), catchupWindow: catchupMs },
  };
}

/** Temporal's message about invalid times, for the user who gave them. */
function refusedTimes(error: unknown, { times, timezone }: ScheduledSheet): unknown {
  if (!(error instanceof TypeError)) return error;
  const given =
    times.kind === 'cron' ? times.expressions.map((text) => `"${text}"`).join(', ') : 'this interval';
  return new UsageError(
    `Temporal does not accept ${given} in the time zone "${timezone}": ${error.message}`,
    {
      cause: error,
    },
  );
}

function known(error: unknown, name: ScheduleName): unknown {
  if (!(error instanceof ScheduleNotFoundError)) return error;
  return new UsageError(
    `There is no schedule "${name}". List all schedules with: banana-batch schedule list`,
  );
}
