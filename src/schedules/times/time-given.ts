import { instantsAt } from './time-zone.js';

/** A time given by a user, or why it is invalid: the rest of a sentence that names it. */
export type TimeGiven =
  | { readonly kind: 'time'; readonly at: Date }
  | { readonly kind: 'problem'; readonly problem: string };

const GIVEN = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d))?\s*(Z|[+-]\d\d:?\d\d)?)?$/i;

/** The formats of a time, for help and messages. */
export const TIME_RULE =
  '2026-11-24, "2026-11-24 02:00" in the time zone of the schedule, or 2026-11-24T02:00Z with its own';

/**
 * The instant of a date, or of a date and a time, by the clocks of a zone unless an offset from UTC follows. As the
 * `to` of a range, a date alone is the end of its day, and a repeated time the later one; as the `from`, the
 * beginning and the earlier one.
 */
export function timeGiven(text: string, timezone: string, edge: 'from' | 'to'): TimeGiven {
  const [, date, time, seconds = '00', offset] = GIVEN.exec(text.trim()) ?? [];
  if (date === undefined || Number.isNaN(Date.parse(`${date}T00:00Z`)))
    return problem(`is not a time: expected ${TIME_RULE}`);
  if (new Date(`${date}T00:00Z`).toISOString().slice(0, 10) !== date)
    return problem('is not a day of the calendar');
  if (time === undefined) {
    const at = edgeOfDay(date, timezone, edge);
    return at ? { kind: 'time', at } : problem(`is not a day in ${timezone}: the calendar there skips it`);
  }
  if (Number.isNaN(Date.parse(`${date}T${time}:${seconds}Z`))) return problem('is not a time of day');
  if (offset !== undefined)
    return { kind: 'time', at: new Date(`${date}T${time}:${seconds}${offset.toUpperCase()}`) };
  const instant = instantsAt(date, time, timezone).at(edge === 'from' ? 0 : -1);
  if (!instant) return problem(`is not a time in ${timezone}: the clocks there skip it`);
  return { kind: 'time', at: new Date(instant.getTime() + Number(seconds) * 1000) };
}

/** The first or last second of a day by a zone's clocks, which may skip an hour at midnight. */
function edgeOfDay(date: string, timezone: string, edge: 'from' | 'to'): Date | undefined {
  const shown = (time: string): Date | undefined =>
    instantsAt(date, time, timezone).at(edge === 'from' ? 0 : -1);
  if (edge === 'from') return shown('00:00') ?? shown('01:00');
  const last = shown('23:59') ?? shown('22:59');
  return last && new Date(last.getTime() + 59_000);
}

function problem(text: string): TimeGiven {
  return { kind: 'problem', problem: text };
}
