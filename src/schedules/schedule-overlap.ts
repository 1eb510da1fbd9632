import { ScheduleOverlapPolicy } from '@temporalio/client';

/**
 * What becomes of a firing while the one before is at work: it is skipped; the first waits, and the others are skipped;
 * all run at once.
 */
export const SCHEDULE_OVERLAPS = ['skip', 'buffer-one', 'allow-all'] as const;
export type ScheduleOverlap = (typeof SCHEDULE_OVERLAPS)[number];

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
