import { Option, type Command as Program } from '@commander-js/extra-typings';
import type { ExitCode } from '../terminal/command-context.js';
import { scheduleName, withCreateFlags, withUpdateFlags } from '../schedule/flags.js';
import { sheetName } from '../submit/flags/submission-flags.js';
import { BACKFILL_OVERLAPS, SCHEDULE_OVERLAPS } from '../../domain/batch/schedule-overlap.js';
import { TIME_RULE } from '../../schedules/times/time-given.js';
import { example, type Performer } from './perform.js';

const SCHEDULE_HELP = `
Temporal keeps the schedules, and workers run them: keep "banana-batch worker" or "banana-batch dev" running.
`;

/** The commands below `schedule`, which make batches at set times. */
export function addScheduleCommands(
  program: Program,
  end: (code: ExitCode) => void,
  { perform }: Pick<Performer, 'perform'>,
): void {
  program.commandsGroup('Schedule:');
  const schedule = program
    .command('schedule')
    .description(
      'run a sheet on a schedule: create, list, show, update, pause, resume, trigger, backfill, delete',
    )
    .helpCommand(false)
    .addHelpText('after', SCHEDULE_HELP)
    .addHelpText(
      'after',
      example(
        'banana-batch schedule create posters s3://sheets/posters.csv --mode fresh --cron "0 2 * * *" --timezone Europe/Berlin',
        undefined,
        ['banana-batch schedule show posters'],
      ),
    );
  addCreate(schedule, end, { perform });
  addShowCommands(schedule, end, { perform });
  addUpdate(schedule, end, { perform });
  addPauses(schedule, end, { perform });
  addFirings(schedule, end, { perform });
  addDelete(schedule, end, { perform });
}

function addCreate(
  schedule: Program,
  end: (code: ExitCode) => void,
  { perform }: Pick<Performer, 'perform'>,
): void {
  withCreateFlags(
    schedule
      .command('create')
      .description('create a schedule for a sheet, after showing what it buys, when, and at what cost'),
  )
    .addHelpText(
      'after',
      example(
        'banana-batch schedule create posters s3://sheets/posters.csv --mode fresh --cron "0 2 * * *" --timezone Europe/Berlin',
        'every night, the whole sheet',
        [
          'banana-batch schedule create products https://docs.google.com/spreadsheets/d/KEY/edit --mode changes --cron "0 6 * * 1"',
          'on Mondays, new and changed rows',
        ],
      ),
    )
    .action(async (name, sheet, flags) =>
      end(
        await perform(async () => (await import('../schedule/create.js')).scheduleCreate, {
          name,
          sheet: sheetName(sheet),
          flags,
        }),
      ),
    );
}

function addShowCommands(
  schedule: Program,
  end: (code: ExitCode) => void,
  { perform }: Pick<Performer, 'perform'>,
): void {
  schedule
    .command('list')
    .description('list all schedules, with their next run and the result of the last one')
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch schedule list'))
    .action(async (flags) =>
      end(await perform(async () => (await import('../schedule/list.js')).scheduleList, flags)),
    );
  schedule
    .command('show')
    .description('show what a schedule does, its next five times and its last ten runs')
    .argument('<name>', 'name of the schedule', scheduleName)
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch schedule show posters'))
    .action(async (name, flags) =>
      end(
        await perform(async () => (await import('../schedule/show.js')).scheduleShow, {
          name,
          ...flags,
        }),
      ),
    );
}

function addUpdate(
  schedule: Program,
  end: (code: ExitCode) => void,
  { perform }: Pick<Performer, 'perform'>,
): void {
  withUpdateFlags(
    schedule
      .command('update')
      .description(
        'change the sheet or options of a schedule; the rest stays, and a running batch is not changed',
      ),
  )
    .addHelpText(
      'after',
      "\nAn empty text ('') removes --template, --name, --format, --delimiter or --encoding.\n",
    )
    .addHelpText(
      'after',
      example('banana-batch schedule update posters new.csv', 'uses another sheet', [
        'banana-batch schedule update posters --cron "0 4 * * *" --max-images 500',
      ]),
    )
    .action(async (name, sheet, flags) =>
      end(
        await perform(async () => (await import('../schedule/update.js')).scheduleUpdate, {
          name,
          ...(sheet !== undefined && { sheet: sheetName(sheet) }),
          flags,
        }),
      ),
    );
}

function addPauses(
  schedule: Program,
  end: (code: ExitCode) => void,
  { perform }: Pick<Performer, 'perform'>,
): void {
  schedule
    .command('pause')
    .description('start no more runs until "resume"; a running batch continues')
    .argument('<name>', 'name of the schedule', scheduleName)
    .option('--note <text>', 'the reason, shown by "schedule show"')
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch schedule pause posters --note "new logo is coming"'))
    .action(async (name, flags) =>
      end(
        await perform(async () => (await import('../schedule/pause.js')).schedulePause, {
          name,
          ...flags,
        }),
      ),
    );
  schedule
    .command('resume')
    .description('start runs again, from the next planned time on')
    .argument('<name>', 'name of the schedule', scheduleName)
    .option('--note <text>', 'the reason, shown by "schedule show"')
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch schedule resume posters'))
    .action(async (name, flags) =>
      end(
        await perform(async () => (await import('../schedule/resume.js')).scheduleResume, {
          name,
          ...flags,
        }),
      ),
    );
}

function addFirings(
  schedule: Program,
  end: (code: ExitCode) => void,
  { perform }: Pick<Performer, 'perform'>,
): void {
  schedule
    .command('trigger')
    .description('start a run now, even while paused, and report what happened')
    .argument('<name>', 'name of the schedule', scheduleName)
    .addOption(
      new Option('--overlap <how>', 'if a run is still active: skip this one, let it wait, or run both')
        .choices(SCHEDULE_OVERLAPS)
        .default('skip'),
    )
    .option('-w, --watch', 'watch its batch until it ends', false)
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch schedule trigger posters --watch'))
    .action(async (name, flags) =>
      end(
        await perform(async () => (await import('../schedule/trigger.js')).scheduleTrigger, {
          name,
          ...flags,
        }),
      ),
    );
  schedule
    .command('backfill')
    .description('start runs for past times, with the dates of that time; also while paused')
    .argument('<name>', 'name of the schedule', scheduleName)
    .requiredOption('--from <time>', TIME_RULE)
    .requiredOption('--to <time>', 'in the same form; a date alone means the end of that day')
    .addOption(
      new Option('--overlap <how>', 'buffer-all: one after the other; allow-all: all at once')
        .choices(BACKFILL_OVERLAPS)
        .default('buffer-all'),
    )
    .option('-y, --yes', 'do not ask for confirmation', false)
    .option('--dry-run', 'show which times and at what cost, and start nothing', false)
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch schedule backfill posters --from 2026-11-20 --to 2026-11-22'))
    .action(async (name, flags) =>
      end(
        await perform(async () => (await import('../schedule/backfill.js')).scheduleBackfill, {
          name,
          ...flags,
        }),
      ),
    );
}

function addDelete(
  schedule: Program,
  end: (code: ExitCode) => void,
  { perform }: Pick<Performer, 'perform'>,
): void {
  schedule
    .command('delete')
    .description('delete a schedule; its batches and their images stay')
    .argument('<name>', 'name of the schedule', scheduleName)
    .option('-y, --yes', 'do not ask for confirmation', false)
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch schedule delete posters'))
    .action(async (name, flags) =>
      end(
        await perform(async () => (await import('../schedule/delete.js')).scheduleDelete, {
          name,
          ...flags,
        }),
      ),
    );
}
