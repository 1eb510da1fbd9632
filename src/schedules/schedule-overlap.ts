import { ScheduleOverlapPolicy } from '@temporalio/client';
import { SCHEDULE_OVERLAPS, type ScheduleOverlap } from '../domain/batch/schedule-overlap.js';

/** How long the server makes up for firings that it has missed. */
export const DEFAULT_CATCHUP_MS = 10 * 60_000;

const POLICIES = {
  skip: ScheduleOverlapPolicy.SKIP,
  'buffer-one': ScheduleOverlapPolicy.BUFFER_ONE,
  'allow-all': ScheduleOverlapPolicy.ALLOW_ALL,
} as const;

/** Temporal's word for it. */
export function temporalOverlap(overlap: ScheduleOverlap): ScheduleOverlapPolicy {
  return POLICIES[overlap];
}

/** Our word for Temporal's; `skip` for one that none of our schedules has. */
export function overlapOf(policy: ScheduleOverlapPolicy): ScheduleOverlap {
  return SCHEDULE_OVERLAPS.find((overlap) => POLICIES[overlap] === policy) ?? 'skip';
}
