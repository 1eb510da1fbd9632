import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { readFirings } from '../../schedules/firings/read-firings.js';
import { deleteSchedule } from '../../schedules/schedule-client.js';
import { scheduleRoot } from '../../schedules/schedule-layout.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { askConsent } from '../terminal/consent.js';
import { knownSchedule, withSchedules } from './access.js';
import { batchesAtWork } from './at-work.js';

export interface ScheduleDeleteOptions {
  readonly name: ScheduleName;
  readonly yes: boolean;
  readonly json: boolean;
}

/** Deletes a schedule; its running batches continue, and its results stay. */
export const scheduleDelete: Command<ScheduleDeleteOptions> = (context, { name, yes, json }) =>
  withSchedules(context.config, async (access) => {
    const { stdin, stdout, stderr } = context;
    const { home } = access;
    const schedule = await knownSchedule(access, name);
    const firings = await readFirings(access, home, name, { last: 1, taken: schedule.recent });
    const atWork = await batchesAtWork(access, schedule, firings);
    const goesOn = atWork.map(({ batchId }) => `Batch "${batchId}" is running and continues to its end.\n`);
    stderr.write(
      `${goesOn.join('')}All batches stay, and so do the schedule's records: s3://${home.bucket}/${scheduleRoot(home, name)}\n`,
    );
    if (!yes && !stdin.isTTY) {
      stderr.write(`Nothing was deleted. To delete it: banana-batch schedule delete ${name} --yes\n`);
      return EXIT.refused;
    }
    const consent = yes ? 'given' : await askConsent(context, `Delete schedule "${name}"?`);
    if (consent !== 'given') {
      stderr.write('Nothing was deleted.\n');
      return consent === 'interrupted' ? EXIT.interrupted : EXIT.refused;
    }
    await deleteSchedule(access, schedule);
    stderr.write(`Deleted schedule "${name}".\n`);
    if (json) {
      const document = { schedule: name, deleted: true, atWork: atWork.map(({ batchId }) => batchId) };
      stdout.write(`${JSON.stringify(document)}\n`);
    }
    return EXIT.ok;
  });
