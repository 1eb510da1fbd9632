/** How a notice is tried again: soon at first, then ever more rarely, and in the end no more. Milliseconds. */
export const NOTICE_RETRY = {
  firstMs: 1_000,
  factor: 2,
  longestMs: 3_600_000,
  forMs: 3 * 24 * 3_600_000,
} as const;

/** How long to wait after an attempt that failed; `attempt` counts from 1. */
export function noticeRetryMs(attempt: number): number {
  const { firstMs, factor, longestMs } = NOTICE_RETRY;
  return Math.min(longestMs, firstMs * factor ** (attempt - 1));
}
