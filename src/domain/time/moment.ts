/** A time as its people's clocks and calendars show it. */
export interface Moment {
  /** `2026-11-23`. */
  readonly date: string;
  /** Hours and minutes of a day of 24 hours, `02:00`. */
  readonly time: string;
}

/**
 * What calendar and clock show in a time zone (an IANA name) at an instant of the years 1 to 9999. Where clocks go back,
 * two instants have the same moment. Throws RangeError for a zone that is not known and for an invalid date.
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

/** What `{{date}}` and `{{time}}` stand for where a sheet is read; undefined: nothing, they are text. */
export type SheetMoment = Moment | 'refused' | undefined;

/** The same in the names of images: `02-00`, since Windows has no colons in the names of files. */
export function momentInNames(moment: SheetMoment): SheetMoment {
  return typeof moment === 'object' ? { ...moment, time: moment.time.replaceAll(':', '-') } : moment;
}

/** What of a moment a word between braces names, in any case of letters; undefined for another word. */
export function momentPart(word: string): keyof Moment | undefined {
  const part = word.toLowerCase();
  return part === 'date' || part === 'time' ? part : undefined;
}
