import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { imagesOf } from '../../domain/money/image-counts.js';
import { serviceOf } from '../../bananahub/account-id.js';
import { UsageError } from '../../errors.js';
import { sheetPlace } from '../../schedules/readable-address.js';
import { createSchedule, readSchedule } from '../../schedules/schedule-client.js';
import type { ScheduledSheet } from '../../schedules/scheduled-sheet.js';
import { sheetLabel } from '../../sheet/index.js';
import { ownAccount, withBucket } from '../terminal/batch-access.js';
import { readGivenSheet, type ReadSheet } from '../submit/checked-sheet.js';
import { EXIT, type Command, type CommandContext, type ExitCode } from '../terminal/command-context.js';
import { withFolderBucket } from '../terminal/engine.js';
import { inputReachText } from '../submit/input-reach.js';
import { pinGivenSheet } from './pin-given-sheet.js';
import {
  consentToSchedule,
  knownSchedule,
  noWorkerText,
  withSchedules,
  type ScheduleHome,
} from './access.js';
import { knownScheduleDocument, scheduleDocument } from './text/document.js';
import { plannedFacts } from './text/facts.js';
import type { ScheduleCreateFlags } from './flags.js';
import { firingPlanText, firstReading, planFiring, type FiringPlan } from './text/plan.js';
import { scheduleSettings, type ScheduleSettings } from './text/settings.js';
import { comingTimes, expectedTimesText, timeToComeText } from './text/times-text.js';
import { withSheetFile } from '../submit/sheet-file.js';
import { sheetReachText } from './sheet-reach.js';
import { withTemporalIfAny } from '../terminal/temporal-if-any.js';

export interface ScheduleCreateOptions {
  readonly name: ScheduleName;
  readonly sheet: string;
  readonly flags: ScheduleCreateFlags;
}

/** Creates a schedule, after reading its sheet as a run of the schedule would. */
export const scheduleCreate: Command<ScheduleCreateOptions> = (context, { name, sheet, flags }) => {
  const settings = scheduleSettings(flags);
  const place = sheetPlace(sheet);
  if (place.kind === 'problem') throw new UsageError(`${sheetLabel(sheet)} ${place.problem}.`);
  const now = new Date();
  return withSheetFile(sheet, context, async (file) => {
    const read = await readGivenSheet(context, file, { sheet, sheetSettings: firstReading(settings, now) });
    const address = place.kind === 'address' ? place.address : undefined;
    const given: Given = { name, settings, sheet: read, address, now };
    if (flags.dryRun) return withFolderBucket(context, (found) => dryRun(found, given, flags));
    return withSchedules(context.config, async (access) => {
      if (await readSchedule(access, access.home, name)) throw thereAlready(name);
      await showPlan(context, access, given, flags);
      const consent = await consentToSchedule(context, access, flags, `Create schedule "${name}"?`);
      if (consent !== 'given') return notCreated(context, consent);
      return create(context, access, given, flags);
    });
  });
};

interface Given {
  readonly name: ScheduleName;
  readonly settings: ScheduleSettings;
  readonly sheet: ReadSheet;
  /** Undefined if the sheet will be pinned. */
  readonly address: string | undefined;
  readonly now: Date;
}

/** Shows what the schedule will do. Throws as `planFiring`. */
async function showPlan(
  { config, stderr }: CommandContext,
  { store, home, bucket, isFree }: Pick<ScheduleHome, 'store' | 'home' | 'bucket' | 'isFree'>,
  { name, settings, sheet, address, now }: Given,
  flags: ScheduleCreateFlags,
): Promise<FiringPlan> {
  const { scheduled, policy } = settings;
  const { prices } = config;
  const schedule = { home, name, settings };
  const planned = await planFiring(store, schedule, { sheet, now, own: ownAccount(config), prices });
  const shownPrices = isFree() && scheduled.budget === undefined ? undefined : prices;
  stderr.write(
    [
      plannedFacts(name, settings, address),
      expectedTimesText(scheduled, policy, now, flags.timezone === undefined),
      firingPlanText(planned, scheduled.budget, shownPrices),
      await inputReachText({ api: config.api, bucket }, sheet.summary.inputs),
      address === undefined ? '' : await sheetReachText(config, address),
    ].join(''),
  );
  return planned;
}

async function dryRun(context: CommandContext, given: Given, flags: ScheduleCreateFlags): Promise<ExitCode> {
  const { config, stdout, stderr } = context;
  return withBucket(config, async (store, bucket) => {
    const home = { bucket: bucket.bucket, prefix: bucket.prefix };
    await withTemporalIfAny(config, async (temporal) => {
      if (temporal.kind === 'away') return;
      const found = await readSchedule({ client: temporal.client, store }, home, given.name);
      if (found) throw thereAlready(given.name);
    });
    const isFree = (): boolean => config.api?.origin === 'stack';
    const { buys } = await showPlan(context, { store, home, bucket, isFree }, given, flags);
    if (flags.json) {
      const { name, settings, sheet, address, now } = given;
      const source = previewOf(sheet, address);
      const document = {
        ...scheduleDocument(
          { format: 1, schedule: name, home, source, ...settings.scheduled },
          settings.policy,
        ),
        paused: flags.paused,
        next: comingTimes(settings.scheduled, now).map((time) => time.toISOString()),
        images: imagesOf(buys),
        dryRun: true,
      };
      stdout.write(`${JSON.stringify(document)}\n`);
    }
    stderr.write('Dry run: nothing was uploaded or created.\n');
    return EXIT.ok;
  });
}

/** The sheet of the future schedule, before anything is stored in the bucket. */
function previewOf({ name, sha256 }: ReadSheet, address: string | undefined): ScheduledSheet['source'] {
  return address === undefined ? { kind: 'pinned', key: '-', sha256, name } : { kind: 'address', address };
}

async function create(
  context: CommandContext,
  access: ScheduleHome,
  { name, settings, sheet, address }: Given,
  flags: ScheduleCreateFlags,
): Promise<ExitCode> {
  const { stdout, stderr, interrupted } = context;
  const source: ScheduledSheet['source'] | undefined =
    address === undefined ? await pinGivenSheet(context, access, name, sheet) : { kind: 'address', address };
  if (!source || interrupted.aborted) return notCreated(context, 'interrupted');
  const { scheduled, policy } = settings;
  const account = access.account();
  const made: ScheduledSheet = {
    format: 1,
    schedule: name,
    home: access.home,
    source,
    ...scheduled,
    ...(account && { service: serviceOf(account) }),
  };
  await createSchedule(access, made, policy, { paused: flags.paused });
  const created = await knownSchedule(access, name);
  if (flags.json) stdout.write(`${JSON.stringify(knownScheduleDocument(created))}\n`);
  const [first] = created.next;
  const when = first ? ` First run: ${timeToComeText(first, scheduled.timezone, Date.now())}.` : '';
  stderr.write(
    flags.paused
      ? `Created and paused. Start its runs with: banana-batch schedule resume ${name}\n`
      : `Created.${when} See it with: banana-batch schedule show ${name}\n`,
  );
  const nobody = await noWorkerText(access);
  if (nobody) stderr.write(`${nobody}\n`);
  return EXIT.ok;
}

function notCreated({ stderr }: CommandContext, consent: 'declined' | 'interrupted'): ExitCode {
  stderr.write('Nothing was created.\n');
  return consent === 'declined' ? EXIT.refused : EXIT.interrupted;
}

function thereAlready(name: ScheduleName): UsageError {
  return new UsageError(
    `Schedule "${name}" already exists. Change it with: banana-batch schedule update ${name}, or choose another name.`,
  );
}
