/**
 * What becomes of a firing while the one before is running: it is skipped; the first waits, and the others are skipped;
 * all run at once.
 */
export const SCHEDULE_OVERLAPS = ['skip', 'buffer-one', 'allow-all'] as const;
export type ScheduleOverlap = (typeof SCHEDULE_OVERLAPS)[number];

/** How the firings of a backfill are started: one after another, or all at once. */
export const BACKFILL_OVERLAPS = ['buffer-all', 'allow-all'] as const;
export type BackfillOverlap = (typeof BACKFILL_OVERLAPS)[number];
