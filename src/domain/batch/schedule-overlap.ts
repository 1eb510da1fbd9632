/** What happens to a run of the schedule while the previous one is still running: skip it; let one wait and skip the others; run all at once. */
export const SCHEDULE_OVERLAPS = ['skip', 'buffer-one', 'allow-all'] as const;
export type ScheduleOverlap = (typeof SCHEDULE_OVERLAPS)[number];

/** How a backfill starts its runs: one after another, or all at once. */
export const BACKFILL_OVERLAPS = ['buffer-all', 'allow-all'] as const;
export type BackfillOverlap = (typeof BACKFILL_OVERLAPS)[number];
