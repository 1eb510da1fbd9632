import path from 'node:path';
import type { ScheduleDescription } from '@temporalio/client';
import prettyMs from 'pretty-ms';
import { z } from 'zod';
import type { BatchId } from '../../domain/rows/ids.js';
import type { NoticeEvent } from '../../domain/batch/notice.js';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { type HomeFolder, at } from '../../storage/layout.js';
import { StorageError, type ObjectStore } from '../../storage/object-store.js';
import { firingKey, scheduleAddress, scheduleRoot, reportedSkipsKey } from '../schedule-layout.js';
import { putFiringRecord } from './firing-records.js';
import { matchingTimes } from '../times/matching-times.js';
import { describedSchedule, takenFirings, type ScheduleAccess } from '../schedule-client.js';

/** Starts the delivery of a notice; `at` is ISO 8601. */
export type SendNotice = (event: NoticeEvent, at: string) => Promise<void>;

/** A schedule to check for skipped runs. */
export interface WatchedSchedule {
  readonly home: HomeFolder;
  readonly schedule: ScheduleName;
  /** What prevents runs of the schedule, and what to do. Called only if one was skipped. */
  readonly inTheWay: () => Promise<{ readonly reason: string; readonly batchId?: BatchId }>;
}

// A server that comes back counts missed times with a small delay.
const CHECK_OVERLAP_MS = 60 * 60_000;

/**
 * Records and reports the runs that the server has skipped since the last check, each once. Returns the next times;
 * undefined if the schedule is gone. Reports before it records, so that no crash can lose a report.
 */
export async function reportSkips(
  access: Pick<ScheduleAccess, 'client' | 'store'> & { readonly notify?: SendNotice | undefined },
  watched: WatchedSchedule,
  now: Date,
): Promise<readonly Date[] | undefined> {
  const { client, store, notify } = access;
  const { home, schedule } = watched;
  const found = await describedSchedule(client, schedule);
  if (!found) return undefined;
  const { info, policies } = found;
  const before = await readReportedSkips(store, home, schedule, info.createdAt);
  const { reported } = before;
  const note = (next: ReportedSkips): Promise<boolean> =>
    storeReportedSkips(store, home, schedule, {
      ...before,
      reported: { ...next, lookedAt: lookedAt.toISOString() },
    });
  const counted = {
    missed: info.numActionsMissedCatchupWindow - reported.missed,
    overlapped: info.numActionsSkippedOverlap - reported.overlapped,
  };
  const lookedAt = new Date(Math.max(Date.parse(reported.lookedAt), now.getTime() - CHECK_OVERLAP_MS));
  const isLong = lookedAt.getTime() - Date.parse(reported.lookedAt) > CHECK_OVERLAP_MS;
  if (counted.missed <= 0 && counted.overlapped <= 0) {
    if (isLong) await note(reported);
    return info.nextActionTimes;
  }
  const from = new Date(reported.lookedAt);
  const past = await matchingTimes(client, schedule, { from, to: now });
  const skipped = skippedTimes(await unexplained(access, watched, found, past), counted);
  const away = `The Temporal server was down at that time and for ${prettyMs(policies.catchupWindow)} after it (--catchup).`;
  const inTheWay = skipped.overlapped.length > 0 ? await watched.inTheWay() : undefined;
  const skips = [
    ...skipped.missed.map((time) => ({ time, reason: away })),
    ...(inTheWay ? skipped.overlapped.map((time) => ({ time, ...inTheWay })) : []),
  ];
  const startedAt = now.toISOString();
  const address = scheduleAddress(home, schedule);
  for (const { time, ...why } of skipsToReport(skips)) {
    const firingAt = isoSeconds(time);
    await notify?.({ type: 'schedule.firing-skipped', schedule, address, firingAt, ...why }, startedAt);
  }
  for (const { time, reason } of skips) {
    const firingAt = isoSeconds(time);
    const outcome = { kind: 'skipped', reason } as const;
    await putFiringRecord(store, home, { format: 1, schedule, firingAt, startedAt, outcome });
  }
  await note({
    ...reported,
    missed: info.numActionsMissedCatchupWindow,
    overlapped: info.numActionsSkippedOverlap,
  });
  return info.nextActionTimes;
}

/** An instant to the second, as in runs of the schedule. */
function isoSeconds(time: Date): string {
  return new Date(Math.floor(time.getTime() / 1000) * 1000).toISOString();
}

/** The past times for which neither the server nor a record has a result. */
async function unexplained(
  { store }: Pick<ScheduleAccess, 'store'>,
  { home, schedule }: WatchedSchedule,
  found: ScheduleDescription,
  past: readonly Date[],
): Promise<readonly Date[]> {
  const taken = new Set(takenFirings(found).map(({ scheduledAt }) => scheduledAt.getTime()));
  const unknown = past.filter((time) => !taken.has(time.getTime()));
  const keyOf = (time: Date): string => firingKey(home, schedule, time);
  const recorded = new Set<string>();
  for (const day of new Set(unknown.map((time) => path.posix.dirname(keyOf(time))))) {
    for await (const { key } of store.list(home.bucket, `${day}/`)) recorded.add(key);
  }
  return unknown.filter((time) => !recorded.has(keyOf(time)));
}

/** Skipped runs of the schedule, by reason. */
export interface SkippedTimes {
  /** The server was unavailable at their times, and for too long afterwards. */
  readonly missed: readonly Date[];
  /** An earlier run of the schedule was active. */
  readonly overlapped: readonly Date[];
}

/**
 * Which of a schedule's past times were skipped, given their number: of those without any other information, the
 * oldest were missed, and the newest overlapped with an earlier run (where one may wait, it is older than those
 * skipped). Fewer than counted if the schedule was triggered by hand and that was skipped.
 */
export function skippedTimes(
  /** In order. */
  unexplained: readonly Date[],
  counted: { readonly missed: number; readonly overlapped: number },
): SkippedTimes {
  const missed = unexplained.slice(0, counted.missed);
  const rest = unexplained.slice(missed.length);
  return { missed, overlapped: counted.overlapped > 0 ? rest.slice(-counted.overlapped) : [] };
}

const MOST_TOLD = 10;

/** The skips to report, in order: each, or if there are more than ten, the newest with a note about the others. */
export function skipsToReport<Skip extends { readonly time: Date; readonly reason: string }>(
  skips: readonly Skip[],
): readonly Skip[] {
  const [first, newest] = [skips[0], skips.at(-1)];
  if (!first || !newest || skips.length <= MOST_TOLD) return skips;
  const others = `${skips.length - 1} times before it were skipped too, from ${first.time.toISOString()} on.`;
  return [{ ...newest, reason: `${newest.reason} ${others}` }];
}

/** `_schedules/<name>/told-skips.json`: the server's number of skipped runs at the last report. */
const ReportedSkips = z.object({
  format: z.literal(1),
  /** When the counting schedule was created: a recreated one counts from 0. */
  createdAt: z.iso.datetime(),
  overlapped: z.int().min(0),
  missed: z.int().min(0),
  /** Everything up to then is reported. */
  lookedAt: z.iso.datetime(),
});
export type ReportedSkips = z.infer<typeof ReportedSkips>;

/** What was reported, and the version of the document that says so. */
export interface FoundSkips {
  readonly reported: ReportedSkips;
  /** Absent if there is no document yet. */
  readonly etag?: string;
}

/** What was reported of a schedule's skipped runs; nothing if it was recreated since. */
async function readReportedSkips(
  store: ObjectStore,
  home: HomeFolder,
  schedule: ScheduleName,
  createdAt: Date,
): Promise<FoundSkips> {
  const ref = refOf(home, schedule);
  const head = await store.head(ref);
  const parsed = head && ReportedSkips.parse(JSON.parse(await store.readText(ref)));
  const made = createdAt.toISOString();
  const reported: ReportedSkips =
    parsed?.createdAt === made
      ? parsed
      : { format: 1, createdAt: made, overlapped: 0, missed: 0, lookedAt: made };
  return { reported, ...(head && { etag: head.etag }) };
}

/** Records what is now reported; false if another process has recorded something meanwhile. */
async function storeReportedSkips(
  store: ObjectStore,
  home: HomeFolder,
  schedule: ScheduleName,
  { reported, etag }: FoundSkips,
): Promise<boolean> {
  try {
    await store.put(refOf(home, schedule), Buffer.from(`${JSON.stringify(reported)}\n`), {
      contentType: 'application/json',
      condition: etag === undefined ? { kind: 'absent' } : { kind: 'unchanged', etag },
    });
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'precondition-failed') return false;
    throw error;
  }
}

function refOf(home: HomeFolder, schedule: ScheduleName): ReturnType<typeof at> {
  return at({ bucket: home.bucket, root: scheduleRoot(home, schedule) }, reportedSkipsKey(home, schedule));
}
