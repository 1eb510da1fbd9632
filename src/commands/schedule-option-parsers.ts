import { InvalidArgumentError } from '@commander-js/extra-typings';
import { parseScheduleName, SCHEDULE_NAME_RULE, type ScheduleName } from '../domain/batch/schedule-name.js';
import { parseCronLine } from '../schedules/times/cron-line.js';
import { SHORTEST_EVERY_MS } from '../schedules/times/schedule-times.js';
import { nearTimeZones, parseTimeZone } from '../schedules/times/time-zone.js';
import { duration } from '../cli/terminal/option-parsers.js';

/** A schedule's name. */
export function scheduleName(text: string): ScheduleName {
  const name = parseScheduleName(text);
  if (!name) throw new InvalidArgumentError(`Expected ${SCHEDULE_NAME_RULE}.`);
  return name;
}

/** Collects the cron lines of a repeatable flag, each with five fields. */
export function cronLines(text: string, before: readonly string[] = []): readonly string[] {
  const line = parseCronLine(text);
  if (line.kind === 'problem') throw new InvalidArgumentError(`Not a valid cron line: ${line.problem}.`);
  return [...before, line.cron];
}

/** The IANA name of a time zone. */
export function timeZone(text: string): string {
  const zone = parseTimeZone(text.trim());
  if (zone !== undefined) return zone;
  const near = nearTimeZones(text.trim());
  const guess = near.length > 0 ? ` Did you mean ${near.join(', ')}?` : '';
  throw new InvalidArgumentError(`Expected the name of a time zone, such as Europe/Berlin or UTC.${guess}`);
}

/** An interval of whole seconds from `SHORTEST_EVERY_MS`, in milliseconds. */
export function interval(text: string): number {
  const ms = duration(text);
  if (ms < SHORTEST_EVERY_MS || ms % 1000 !== 0) {
    throw new InvalidArgumentError('Expected whole seconds, at least 10s, such as 90s, 6h or 1d.');
  }
  return ms;
}

/** A duration of whole seconds, or none at all, in milliseconds. */
export function secondsOrNone(text: string): number {
  const ms = /^0[a-z]*$/i.test(text) ? 0 : duration(text);
  if (ms % 1000 !== 0) throw new InvalidArgumentError('Expected whole seconds, such as 90s, 10m, 2h or 0s.');
  return ms;
}

const SHORTEST_CATCHUP_MS = 10_000;

/** How long missed firings are made up for. Source: Temporal takes less for 10 s. */
export function catchup(text: string): number {
  const ms = duration(text);
  if (ms < SHORTEST_CATCHUP_MS || ms % 1000 !== 0) {
    throw new InvalidArgumentError('Expected whole seconds, at least 10s, such as 10m, 2h or 1d.');
  }
  return ms;
}
