/** A time as local clocks and calendars show it. */
export interface Moment {
  /** `2026-11-23`. */
  readonly date: string;
  /** Hours and minutes on a 24-hour clock, `02:00`. */
  readonly time: string;
}

/**
 * Local date and time in a time zone (an IANA name) at an instant of the years 1 to 9999. When clocks go back, two
 * instants have the same moment. Throws RangeError for an unknown zone and for an invalid date.
 */
export function momentIn(instant: Date, timezone: string): Moment {
  const parts = new Intl.DateTimeFormat('en-US', {
    calendar: 'gregory',
    numberingSystem: 'latn',
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  }).formatToParts(instant);
  const part = (type: Intl.DateTimeFormatPartTypes): string =>
    parts.find((candidate) => candidate.type === type)?.value ?? '';
  return {
    date: `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`,
    time: `${part('hour')}:${part('minute')}`,
  };
}

/** The values of `{{date}}` and `{{time}}` when a sheet is read; undefined: they are plain text. */
export type SheetMoment = Moment | 'refused' | undefined;

/** The same for image names: `02-00`, since Windows allows no colons in file names. */
export function momentInNames(moment: SheetMoment): SheetMoment {
  return typeof moment === 'object' ? { ...moment, time: moment.time.replaceAll(':', '-') } : moment;
}

/** The part of a moment that a word in braces names, in any letter case; undefined for another word. */
export function momentPart(word: string): keyof Moment | undefined {
  const part = word.toLowerCase();
  return part === 'date' || part === 'time' ? part : undefined;
}
