import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { readFirings } from '../../schedules/firings/read-firings.js';
import { pauseSchedule } from '../../schedules/schedule-client.js';
import { zonedText } from '../../schedules/times/time-zone.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { knownSchedule, withSchedules } from './access.js';
import { batchesAtWork } from './at-work.js';

export interface SchedulePauseOptions {
  readonly name: ScheduleName;
  /** The reason, shown to others later. */
  readonly note?: string;
  readonly json: boolean;
}

/** Pauses a schedule; its running batches continue. */
export const schedulePause: Command<SchedulePauseOptions> = (
  { config, stdout, stderr },
  { name, note, json },
) =>
  withSchedules(config, async (access) => {
    const schedule = await knownSchedule(access, name);
    const since = `since ${zonedText(new Date(), schedule.sheet.timezone)}`;
    await pauseSchedule(access.client, name, note ? `${note} (${since})` : since);
    const taken = { last: 1, taken: schedule.recent };
    const firings = await readFirings(access, access.home, name, taken);
    const atWork = await batchesAtWork(access, schedule, firings);
    stderr.write(
      `Paused "${name}". Start its runs again with: banana-batch schedule resume ${name}\n${atWork.map(({ batchId }) => `Batch "${batchId}" continues; pause it with: banana-batch pause ${batchId}\n`).join('')}`,
    );
    if (json) stdout.write(`${JSON.stringify({ schedule: name, paused: true, note })}\n`);
    return EXIT.ok;
  });
