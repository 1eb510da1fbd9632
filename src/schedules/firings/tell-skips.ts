import path from 'node:path';
import type { ScheduleDescription } from '@temporalio/client';
import prettyMs from 'pretty-ms';
import type { BatchId } from '../../domain/rows/ids.js';
import type { NoticeEvent } from '../../domain/batch/notice.js';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { skippedTimes, toldSkips } from '../../domain/skipped-times.js';
import type { HomeFolder } from '../../storage/layout.js';
import { firingKey, scheduleAddress } from '../schedule-layout.js';
import { putFiringRecord } from './firing-records.js';
import { matchingTimes } from '../times/matching-times.js';
import { describedSchedule, takenFirings, type ScheduleAccess } from '../schedule-client.js';
import { noteToldSkips, readToldSkips, type ToldSkips } from '../told-skips.js';

/** Has a notice of an event delivered; `at` is ISO 8601. */
export type TellEvent = (event: NoticeEvent, at: string) => Promise<void>;

/** A schedule whose skipped firings are looked for. */
export interface WatchedSchedule {
  readonly home: HomeFolder;
  readonly schedule: ScheduleName;
  /** What is in the way of firings, and what to do. Asked for only where one was skipped. */
  readonly inTheWay: () => Promise<{ readonly reason: string; readonly batchId?: BatchId }>;
}

// A server that comes back counts what it has missed a little later.
const OVERLAP_OF_LOOKS_MS = 60 * 60_000;

/**
 * Records and tells the firings that the server has skipped since it was looked last, each once; the times to come, or
 * undefined where the schedule is there no more. Told before it is recorded, so that no crash keeps it from being told.
 */
export async function tellSkips(
  access: Pick<ScheduleAccess, 'client' | 'store'> & { readonly tell?: TellEvent | undefined },
  watched: WatchedSchedule,
  now: Date,
): Promise<readonly Date[] | undefined> {
  const { client, store, tell } = access;
  const { home, schedule } = watched;
  const found = await describedSchedule(client, schedule);
  if (!found) return undefined;
  const { info, policies } = found;
  const before = await readToldSkips(store, home, schedule, info.createdAt);
  const { told } = before;
  const note = (next: ToldSkips): Promise<boolean> =>
    noteToldSkips(store, home, schedule, {
      ...before,
      told: { ...next, lookedAt: lookedAt.toISOString() },
    });
  const counted = {
    missed: info.numActionsMissedCatchupWindow - told.missed,
    overlapped: info.numActionsSkippedOverlap - told.overlapped,
  };
  const lookedAt = new Date(Math.max(Date.parse(told.lookedAt), now.getTime() - OVERLAP_OF_LOOKS_MS));
  const isLong = lookedAt.getTime() - Date.parse(told.lookedAt) > OVERLAP_OF_LOOKS_MS;
  if (counted.missed <= 0 && counted.overlapped <= 0) {
    if (isLong) await note(told);
    return info.nextActionTimes;
  }
  const from = new Date(told.lookedAt);
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
  for (const { time, ...why } of toldSkips(skips)) {
    const firingAt = isoSeconds(time);
    await tell?.({ type: 'schedule.firing-skipped', schedule, address, firingAt, ...why }, startedAt);
  }
  for (const { time, reason } of skips) {
    const firingAt = isoSeconds(time);
    const outcome = { kind: 'skipped', reason } as const;
    await putFiringRecord(store, home, { format: 1, schedule, firingAt, startedAt, outcome });
  }
  await note({
    ...told,
    missed: info.numActionsMissedCatchupWindow,
    overlapped: info.numActionsSkippedOverlap,
  });
  return info.nextActionTimes;
}

/** An instant to the second, as firings have it. */
function isoSeconds(time: Date): string {
  return new Date(Math.floor(time.getTime() / 1000) * 1000).toISOString();
}

/** The past times of which neither the server nor a record knows what became. */
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
