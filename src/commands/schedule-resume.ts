import type { ScheduleName } from '../domain/schedule-name.js';
import { resumeSchedule } from '../schedules/schedule-client.js';
import { zonedText } from '../schedules/time-zone.js';
import { EXIT, type Command } from './command-context.js';
import { knownSchedule, noWorkerText, withSchedules } from './schedule-access.js';
import { timeToComeText } from './schedule-times-text.js';

export interface ScheduleResumeOptions {
  readonly name: ScheduleName;
  readonly note?: string;
  readonly json: boolean;
}

/** Lets a paused schedule fire at its times to come; those that have passed meanwhile are not made up for. */
export const scheduleResume: Command<ScheduleResumeOptions> = (
  { config, stdout, stderr },
  { name, note, json },
) =>
  withSchedules(config, async (access) => {
    const { paused, sheet: before } = await knownSchedule(access, name);
    const since = `resumed ${zonedText(new Date(), before.timezone)}`;
    await resumeSchedule(access.client, name, note ? `${note} (${since})` : since);
    const { next, sheet } = await knownSchedule(access, name);
    const [first] = next;
    const when = first ? ` It fires next ${timeToComeText(first, sheet.timezone, Date.now())}.` : '';
    const past = 'Times that have passed meanwhile are made up for by: banana-batch schedule backfill';
    stderr.write(
      paused ? `Resumed "${name}".${when}\n${past} ${name}\n` : `"${name}" is not paused.${when}\n`,
    );
    const nobody = await noWorkerText(access);
    if (nobody) stderr.write(`${nobody}\n`);
    if (json) {
      const document = { schedule: name, paused: false, next: next.map((time) => time.toISOString()) };
      stdout.write(`${JSON.stringify(document)}\n`);
    }
    return EXIT.ok;
  });
