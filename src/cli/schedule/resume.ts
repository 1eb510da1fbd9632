import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { isLost, resumeOrMakeAgain } from '../../schedules/lost-schedules.js';
import { zonedText } from '../../schedules/times/time-zone.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { knownSchedule, noWorkerText, withSchedules } from './access.js';
import { timeToComeText } from './text/times-text.js';

export interface ScheduleResumeOptions {
  readonly name: ScheduleName;
  readonly note?: string;
  readonly json: boolean;
}

/** Resumes a paused schedule; times that have passed meanwhile are not caught up. */
export const scheduleResume: Command<ScheduleResumeOptions> = (
  { config, stdout, stderr },
  { name, note, json },
) =>
  withSchedules(config, async (access) => {
    const before = (await isLost(access, access.home, name)) ? undefined : await knownSchedule(access, name);
    const since = `resumed ${zonedText(new Date(), before?.sheet.timezone ?? 'UTC')}`;
    const text = note ? `${note} (${since})` : since;
    const isMadeAgain = await resumeOrMakeAgain(access, access.home, name, { before, note: text });
    const { next, sheet } = await knownSchedule(access, name);
    if (isMadeAgain) stderr.write(`Temporal had deleted "${name}": it was restored from the bucket.\n`);
    const [first] = next;
    const when = first ? ` Next run: ${timeToComeText(first, sheet.timezone, Date.now())}.` : '';
    const past = 'To make up for the times missed meanwhile: banana-batch schedule backfill';
    stderr.write(
      before?.paused !== false
        ? `Resumed "${name}".${when}\n${past} ${name}\n`
        : `"${name}" is not paused.${when}\n`,
    );
    const nobody = await noWorkerText(access);
    if (nobody) stderr.write(`${nobody}\n`);
    if (json) {
      const document = {
        schedule: name,
        paused: false,
        madeAgain: isMadeAgain,
        next: next.map((time) => time.toISOString()),
      };
      stdout.write(`${JSON.stringify(document)}\n`);
    }
    return EXIT.ok;
  });
