import { ScheduleOverlapPolicy } from '@temporalio/client';
import { SCHEDULE_OVERLAPS, type ScheduleOverlap } from '../domain/batch/schedule-overlap.js';

/** How long the server catches up missed runs of the schedule. */
export const DEFAULT_CATCHUP_MS = 10 * 60_000;

const POLICIES = {
  skip: ScheduleOverlapPolicy.SKIP,
  'buffer-one': ScheduleOverlapPolicy.BUFFER_ONE,
  'allow-all': ScheduleOverlapPolicy.ALLOW_ALL,
} as const;

/** Temporal's name of an overlap policy. */
export function temporalOverlap(overlap: ScheduleOverlap): ScheduleOverlapPolicy {
  return POLICIES[overlap];
}

/** Our name of Temporal's overlap policy; `skip` for one that none of our schedules uses. */
export function overlapOf(policy: ScheduleOverlapPolicy): ScheduleOverlap {
  return SCHEDULE_OVERLAPS.find((overlap) => POLICIES[overlap] === policy) ?? 'skip';
}
