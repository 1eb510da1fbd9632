import { closestMatch } from 'leven';
import { momentIn } from '../../domain/time/moment.js';

/** The default zone of a schedule: the same on every machine, without clock changes. */
export const DEFAULT_TIMEZONE = 'UTC';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** The IANA name of a time zone, as Temporal knows it, from any letter case and aliases such as `US/Pacific`. Undefined if there is no such zone. */
export function parseTimeZone(text: string): string | undefined {
  // Newer versions of Intl accept offsets such as +02:00 as zones, but Temporal does not.
  if (!/^[a-z]/i.test(text)) return undefined;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions();
    // Temporal knows aliases in their proper case, and users expect to see them.
    return /^[A-Z]/.test(text) && timeZone.toLowerCase() !== text.toLowerCase() ? text : timeZone;
  } catch {
    return undefined;
  }
}

/** Similar zone names, at most 3. */
export function nearTimeZones(text: string): readonly string[] {
  const wanted = text.toLowerCase().replaceAll(/[\s-]+/g, '_');
  const names = ['UTC', ...Intl.supportedValuesOf('timeZone')];
  const cities = names.filter((name) => wanted !== '' && name.toLowerCase().split('/').at(-1) === wanted);
  const within = names.filter((name) => wanted.length > 2 && name.toLowerCase().includes(wanted));
  const bySpelling = new Map(names.map((name) => [name.toLowerCase(), name]));
  const byCity = new Map(names.map((name) => [name.toLowerCase().split('/').at(-1) ?? '', name]));
  const near = [bySpelling, byCity].flatMap((known) => {
    const match = closestMatch(wanted, [...known.keys()], { maxDistance: Math.floor(wanted.length * 0.4) });
    return known.get(match ?? '') ?? [];
  });
  return [...new Set([...cities, ...within, ...near])].slice(0, 3);
}

/** How far a zone's clocks are ahead of UTC at an instant. */
export function offsetMs(instant: Date, timezone: string): number {
  const { date, time } = momentIn(instant, timezone);
  const shown = Date.parse(`${date}T${time}Z`);
  return shown - Math.floor(instant.getTime() / MINUTE_MS) * MINUTE_MS;
}

/**
 * The instants at which a zone's clocks show a date (`2026-11-23`) and a time (`02:00`), earliest first: one, none if
 * the clocks skip it, two if they repeat it.
 */
export function instantsAt(date: string, time: string, timezone: string): readonly Date[] {
  const shown = Date.parse(`${date}T${time}Z`);
  const offsets = new Set([-DAY_MS, DAY_MS].map((around) => offsetMs(new Date(shown + around), timezone)));
  return [...offsets]
    .map((offset) => new Date(shown - offset))
    .filter((instant) => {
      const moment = momentIn(instant, timezone);
      return moment.date === date && moment.time === time;
    })
    .toSorted((a, b) => a.getTime() - b.getTime());
}

/** An instant by a zone's clocks: `Tue 2026-11-24 02:00 +01:00`, `… UTC` if they show UTC; with seconds if not zero. */
export function zonedText(instant: Date, timezone: string): string {
  const { date, time } = momentIn(instant, timezone);
  const weekday = new Intl.DateTimeFormat('en', { weekday: 'short', timeZone: timezone }).format(instant);
  const seconds = instant.getUTCSeconds();
  const clock = seconds === 0 ? time : `${time}:${String(seconds).padStart(2, '0')}`;
  return `${weekday} ${date} ${clock} ${offsetText(offsetMs(instant, timezone))}`;
}

function offsetText(offset: number): string {
  if (offset === 0) return 'UTC';
  const minutes = Math.abs(offset) / MINUTE_MS;
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return `${offset < 0 ? '-' : '+'}${[hours, rest].map((part) => String(part).padStart(2, '0')).join(':')}`;
}
