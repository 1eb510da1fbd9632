import { Cron } from 'croner';
import cronstrue from 'cronstrue';
import prettyMs from 'pretty-ms';
import type { ScheduleTimes } from '../scheduled-sheet.js';
import { offsetMs } from './time-zone.js';

/** Minimum interval of a schedule: in less a run would hardly have read its sheet. */
export const SHORTEST_EVERY_MS = 10_000;

/** The times of a schedule as text: `At 02:00, every day (Europe/Berlin)`, `Every 6h`. */
export function timesText(times: ScheduleTimes, timezone: string): string {
  switch (times.kind) {
    case 'cron':
      return `${times.expressions.map(cronText).join('; ')} (${timezone})`;
    case 'every': {
      const offset = times.offsetMs > 0 ? `, with an offset of ${prettyMs(times.offsetMs)}` : '';
      return `Every ${prettyMs(times.everyMs)}${offset}`;
    }
  }
}

function cronText(cron: string): string {
  const text = cronstrue.toString(cron, { use24HourTimeFormat: true });
  // A time of day alone does not mention the days.
  return cron.endsWith(' * * *') && /^At \d/.test(text) ? `${text}, every day` : text;
}

/**
 * The next times after an instant, as Temporal will have them: `count`, or fewer if one is within a day of a change
 * of the zone's clocks. Near a change only Temporal itself knows: it skips times that clocks skip, and takes repeated
 * ones once or twice.
 */
export function nextTimes(
  times: ScheduleTimes,
  timezone: string,
  { after, count }: { readonly after: Date; readonly count: number },
): readonly Date[] {
  switch (times.kind) {
    case 'cron': {
      const each = times.expressions.flatMap((cron) =>
        new Cron(cron, { mode: '5-part', timezone }).nextRuns(count, after).map((time) => time.getTime()),
      );
      const next = [...new Set(each)]
        .toSorted((a, b) => a - b)
        .slice(0, count)
        .map((ms) => new Date(ms));
      const change = next.findIndex((time) => isNearChange(time, timezone));
      return change < 0 ? next : next.slice(0, change);
    }
    case 'every': {
      const { everyMs, offsetMs: offset } = times;
      const passed = Math.floor((after.getTime() - offset) / everyMs);
      return Array.from({ length: count }, (_, index) => new Date(offset + (passed + 1 + index) * everyMs));
    }
  }
}

const DAY_MS = 24 * 3600_000;

/** Whether a zone's clocks change within a day of an instant. */
function isNearChange(instant: Date, timezone: string): boolean {
  const [before, after] = [-DAY_MS, DAY_MS].map((around) =>
    offsetMs(new Date(instant.getTime() + around), timezone),
  );
  return before !== after;
}
