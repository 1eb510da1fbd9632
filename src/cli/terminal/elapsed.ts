import prettyMs from 'pretty-ms';

/** The age of a time in its largest unit: `3m ago`; `now` within the last second and for the future. */
export function ago(iso: string, nowMs: number): string {
  const elapsedMs = nowMs - Date.parse(iso);
  return elapsedMs < 1000 ? 'now' : `${prettyMs(elapsedMs, { compact: true })} ago`;
}

/** A time to the minute, in UTC: `2026-03-01 12:30Z`. */
export function minuteOf(iso: string): string {
  return `${new Date(iso).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}

/** The time until a time in its largest unit: `in 3m`; `now` within the next second and for the past. */
export function until(time: Date, nowMs: number): string {
  const leftMs = time.getTime() - nowMs;
  return leftMs < 1000 ? 'now' : `in ${prettyMs(leftMs, { compact: true })}`;
}
