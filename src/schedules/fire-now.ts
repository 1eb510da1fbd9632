import { setTimeout as delay } from 'node:timers/promises';
import { ScheduleOverlapPolicy, type Client, type ScheduleDescription } from '@temporalio/client';
import type { ScheduleName } from '../domain/batch/schedule-name.js';
import type { BackfillOverlap, ScheduleOverlap } from '../domain/batch/schedule-overlap.js';
import { UsageError } from '../errors.js';
import { scheduleId } from '../workflows/protocol/names.js';
import { matchingTimes } from './times/matching-times.js';
import { orUnknown, takenFirings, type TakenFiring } from './schedule-client.js';
import { temporalOverlap } from './schedule-overlap.js';

/** The result of a trigger. */
export type Triggered =
  | { readonly kind: 'started'; readonly firing: TakenFiring }
  /** It starts after the active run of the schedule. */
  | { readonly kind: 'waiting' }
  /** A run of the schedule is active. */
  | { readonly kind: 'skipped' };

const LOOK_EVERY_MS = 200;
const SEEN_WITHIN_MS = 10_000;
/** Temporal drops one of two triggers that arrive at the same moment, so it is sent twice. A repeated run of the schedule finds its own batch. */
const WORDS = 2;

/**
 * Starts a run of the schedule now, even while it is paused, and returns when the result is seen. Throws a UsageError
 * if there is no such schedule, and if nothing is seen within `withinMs`: it is not repeated, since it may still
 * come.
 */
export async function triggerSchedule(
  client: Client,
  name: ScheduleName,
  overlap: ScheduleOverlap,
  withinMs = 15_000,
): Promise<Triggered> {
  const handle = client.schedule.getHandle(scheduleId(name));
  return orUnknown(name, async () => {
    const before = await handle.describe();
    await handle.trigger(temporalOverlap(overlap));
    const untilMs = Date.now() + withinMs;
    while (Date.now() < untilMs) {
      const seen = triggerOutcome(before, await handle.describe());
      if (seen) return seen;
      await delay(LOOK_EVERY_MS);
    }
    // Temporal drops one of two triggers that arrive at the same moment.
    throw new UsageError(
      `Temporal accepted the trigger of schedule "${name}", but no run appeared within ${withinMs / 1000} s. The run may still start: check with "banana-batch schedule show ${name}" before you trigger it again.`,
    );
  });
}

function triggerOutcome(before: ScheduleDescription, now: ScheduleDescription): Triggered | undefined {
  const known = new Set(takenFirings(before).map(({ runId }) => runId));
  const firing = takenFirings(now).findLast(({ runId }) => !known.has(runId));
  if (firing) return { kind: 'started', firing };
  if (now.info.numActionsSkippedOverlap > before.info.numActionsSkippedOverlap) return { kind: 'skipped' };
  return buffered(now) > buffered(before) ? { kind: 'waiting' } : undefined;
}

/** Runs of the schedule that have begun, or wait for their turn. */
function begun(schedule: ScheduleDescription): number {
  return schedule.info.numActionsTaken + buffered(schedule);
}

async function isSeen(isSeenNow: () => Promise<boolean>): Promise<boolean> {
  for (const untilMs = Date.now() + SEEN_WITHIN_MS; Date.now() < untilMs; await delay(LOOK_EVERY_MS)) {
    if (await isSeenNow()) return true;
  }
  return false;
}

function buffered({ raw }: ScheduleDescription): number {
  return Number(raw.info?.bufferSize ?? 0);
}

/** Temporal drops waiting runs beyond a thousand, and lists no more times of a range than that. */
export const MOST_BACKFILLED = 999;

/**
 * Starts the runs for all times of the schedule from `from` to `to`, both included, with those nominal times; even
 * while the schedule is paused. Returns the times. Throws a UsageError if there is no such schedule, if the range
 * contains none or more than `MOST_BACKFILLED`, and if it reaches into the future.
 */
export async function backfillSchedule(
  client: Client,
  name: ScheduleName,
  range: { readonly from: Date; readonly to: Date },
  overlap: BackfillOverlap = 'buffer-all',
): Promise<readonly Date[]> {
  if (range.to.getTime() > Date.now()) {
    throw new UsageError(
      `A backfill starts runs for past times, but ${range.to.toISOString()} is in the future.`,
    );
  }
  return orUnknown(name, async () => {
    const times = await matchingTimes(client, name, range);
    if (times.length === 0) {
      throw new UsageError(
        `Schedule "${name}" has no time from ${range.from.toISOString()} to ${range.to.toISOString()}.`,
      );
    }
    if (times.length > MOST_BACKFILLED) {
      throw new UsageError(
        `Schedule "${name}" has more than ${MOST_BACKFILLED} times from ${range.from.toISOString()} to ${range.to.toISOString()}, the most that Temporal keeps waiting. Use a shorter range, and backfill the rest when it is done.`,
      );
    }
    const handle = client.schedule.getHandle(scheduleId(name));
    const before = await handle.describe();
    for (let word = 0; word < WORDS; word += 1) {
      await handle.backfill({
        start: range.from,
        end: range.to,
        overlap:
          overlap === 'buffer-all' ? ScheduleOverlapPolicy.BUFFER_ALL : ScheduleOverlapPolicy.ALLOW_ALL,
      });
      if (await isSeen(async () => begun(await handle.describe()) > begun(before))) return times;
    }
    throw new UsageError(
      `Temporal accepted the backfill of schedule "${name}", but no run appeared. The runs may still start: check with "banana-batch schedule show ${name}". Repeating the backfill does no harm.`,
    );
  });
}
