import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { refuseUnusable } from '../../plan/submission-refusals.js';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { UsageError } from '../../errors.js';
import { sheetPlace } from '../../schedules/readable-address.js';
import { labelOf, withFiringSheet } from '../../schedules/firings/firing-sheet.js';
import { updateSchedule, type Schedule } from '../../schedules/schedule-client.js';
import type { ScheduledSheet } from '../../schedules/scheduled-sheet.js';
import { sheetLabel } from '../../sheet/index.js';
import { checkSheet, type CheckedSheet } from '../../starter.js';
import { ownAccount } from '../terminal/batch-access.js';
import { readGivenSheet } from '../submit/checked-sheet.js';
import { EXIT, type Command, type CommandContext, type ExitCode } from '../terminal/command-context.js';
import { inputReachText } from '../submit/input-reach.js';
import { pinGivenSheet } from './pin-given-sheet.js';
import { consentToSchedule, knownSchedule, sheetMeans, withSchedules, type ScheduleHome } from './access.js';
import { knownScheduleDocument, scheduleDocument } from './text/document.js';
import { changedFacts, scheduleFacts, type ChangedFact } from './text/facts.js';
import type { ScheduleUpdateFlags } from './flags.js';
import { firingPlanText, firstReading, planFiring } from './text/plan.js';
import { scheduleSettings, type ScheduleSettings } from './text/settings.js';
import { timeToComeText } from './text/times-text.js';
import { sheetText } from '../submit/submission-plan-text.js';
import { withSheetFile, type GivenSheet } from '../submit/sheet-file.js';
import { sheetReachText } from './sheet-reach.js';

export interface ScheduleUpdateOptions {
  readonly name: ScheduleName;
  /** Another sheet; absent: the present one. */
  readonly sheet?: string;
  readonly flags: ScheduleUpdateFlags;
}

/** Changes a schedule's sheet or settings; everything else stays, and running batches are unchanged. */
export const scheduleUpdate: Command<ScheduleUpdateOptions> = (context, { name, sheet, flags }) => {
  const { dryRun: _, yes: __, json: ___, ...changes } = flags;
  if (sheet === undefined && Object.keys(changes).length === 0) {
    throw new UsageError(
      `Nothing to change: give a new sheet, or flags of "schedule create", such as: banana-batch schedule update ${name} --cron "0 4 * * *"`,
    );
  }
  return withSchedules(context.config, async (access) => {
    const before = await knownSchedule(access, name);
    const settings = scheduleSettings(changes, { scheduled: before.sheet, policy: before.policy });
    const change: Change = { before, settings, flags };
    if (sheet === undefined) return withPresentSheet(context, access, change);
    const place = sheetPlace(sheet);
    if (place.kind === 'problem') throw new UsageError(`${sheetLabel(sheet)} ${place.problem}.`);
    return withSheetFile(sheet, context, async (file) => {
      const read = await readGivenSheet(context, file, {
        sheet,
        sheetSettings: firstReading(settings, new Date()),
      });
      const given = place.kind === 'address' ? place : { kind: 'file' as const, file };
      return update(context, access, change, { read, given });
    });
  });
};

interface Change {
  readonly before: Schedule;
  readonly settings: ScheduleSettings;
  readonly flags: ScheduleUpdateFlags;
}

/** The sheet of the next run, and what to do for it. */
interface NextSheet {
  readonly read: CheckedSheet;
  readonly given:
    | { readonly kind: 'file'; readonly file: GivenSheet }
    | { readonly kind: 'address'; readonly address: string }
    | { readonly kind: 'as-before' };
}

/** Read as at the next run: other flags may change how the sheet is read. */
async function withPresentSheet(
  context: CommandContext,
  access: ScheduleHome,
  change: Change,
): Promise<ExitCode> {
  const { before, settings } = change;
  const { stderr, interrupted } = context;
  return withFiringSheet(
    await sheetMeans(access, context.config),
    before.sheet,
    interrupted,
    async (file) => {
      const sheetSettings = firstReading(settings, new Date());
      const read = await checkSheet(file, { sheetSettings });
      stderr.write(sheetText(labelOf(before.sheet), read.summary, sheetSettings));
      refuseUnusable(read.summary, sheetSettings);
      return update(context, access, change, { read, given: { kind: 'as-before' } });
    },
  );
}

async function update(
  context: CommandContext,
  access: ScheduleHome,
  { before, settings, flags }: Change,
  { read, given }: NextSheet,
): Promise<ExitCode> {
  const { config, stdout, stderr, interrupted } = context;
  const { name } = before;
  const { home } = access;
  const after = (source: ScheduledSheet['source']): ScheduledSheet => ({
    format: 1,
    schedule: name,
    home,
    source,
    ...settings.scheduled,
  });
  const preview = after(previewOf(before, read, given));
  const changed = changedFacts(
    scheduleFacts(before.sheet, before.policy),
    scheduleFacts(preview, settings.policy),
  );
  if (isDeepStrictEqual(preview, before.sheet) && isDeepStrictEqual(settings.policy, before.policy)) {
    if (flags.json) stdout.write(`${JSON.stringify({ ...knownScheduleDocument(before), changed: [] })}\n`);
    stderr.write(`Nothing to change: "${name}" already has these settings.\n`);
    return EXIT.ok;
  }
  stderr.write(changesText(changed));
  const planned = await planFiring(
    access.store,
    { home, name, settings },
    { sheet: read, now: new Date(), own: ownAccount(config), prices: config.prices },
  );
  const { budget } = settings.scheduled;
  stderr.write(
    firingPlanText(planned, budget, access.isFree() && budget === undefined ? undefined : config.prices),
  );
  stderr.write(await inputReachText({ api: config.api, bucket: access.bucket }, read.summary.inputs));
  if (given.kind === 'address') stderr.write(await sheetReachText(config, given.address));
  if (flags.dryRun) {
    if (flags.json) {
      const document = { ...scheduleDocument(preview, settings.policy), changed, dryRun: true };
      stdout.write(`${JSON.stringify(document)}\n`);
    }
    stderr.write('Dry run: nothing was changed.\n');
    return EXIT.ok;
  }
  const consent = await consentToSchedule(context, access, flags, `Change schedule "${name}"?`);
  if (consent !== 'given') return notChanged(context, consent);
  const source =
    given.kind === 'file' ? await pinGivenSheet(context, access, name, given.file) : preview.source;
  if (!source || interrupted.aborted) return notChanged(context, 'interrupted');
  await updateSchedule(access, after(source), settings.policy);
  const now = await knownSchedule(access, name);
  if (flags.json) stdout.write(`${JSON.stringify({ ...knownScheduleDocument(now), changed })}\n`);
  const [first] = now.next;
  const next =
    first && !now.paused ? ` Next run: ${timeToComeText(first, now.sheet.timezone, Date.now())}.` : '';
  stderr.write(
    `Changed from the next run on; a running batch is not changed.${next}${now.paused ? ' It is still paused.' : ''}\n`,
  );
  return EXIT.ok;
}

/** The schedule's new sheet, before anything is stored in the bucket. */
function previewOf(
  { sheet: { source } }: Schedule,
  { name, sha256 }: NextSheet['read'],
  given: NextSheet['given'],
): ScheduledSheet['source'] {
  switch (given.kind) {
    case 'as-before':
      return source;
    case 'address':
      return { kind: 'address', address: given.address };
    case 'file': {
      const pinned = { kind: 'pinned', key: '-', sha256, name: path.basename(name) } as const;
      // The sheet's input images may have changed although the sheet has not.
      const isSame =
        source.kind === 'pinned' &&
        source.sha256 === sha256 &&
        source.name === pinned.name &&
        source.inputListKey === undefined &&
        given.file.inputs.found.size === 0;
      return isSame ? source : pinned;
    }
  }
}

function changesText(changed: readonly ChangedFact[]): string {
  return changed
    .map(
      ({ name, before = 'none', after = 'none' }) =>
        `${name.padEnd(10)} ${before}\n${' '.repeat(9)}→ ${after}\n`,
    )
    .join('');
}

function notChanged({ stderr }: CommandContext, consent: 'declined' | 'interrupted'): ExitCode {
  stderr.write('Nothing was changed.\n');
  return consent === 'declined' ? EXIT.refused : EXIT.interrupted;
}
