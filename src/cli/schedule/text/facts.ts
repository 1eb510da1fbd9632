import prettyMs from 'pretty-ms';
import type { ScheduleName } from '../../../domain/batch/schedule-name.js';
import type { SchedulePolicy } from '../../../schedules/schedule-client.js';
import type { ScheduleOverlap } from '../../../domain/batch/schedule-overlap.js';
import { timesText } from '../../../schedules/times/schedule-times.js';
import type { ScheduledSheet } from '../../../schedules/scheduled-sheet.js';
import { runSettings } from '../../submit/flags/running-flags.js';
import type { ScheduleSettings } from './settings.js';
import { counted } from '../../../domain/text/full-stop.js';
import { sheetSettings } from '../../submit/flags/sheet-flags.js';

/** A named property of a schedule, for users; a default has no text. */
export type Fact = readonly [name: string, text: string | undefined];

/** Lines about what a future schedule will do. `address`: undefined if the sheet will be pinned. */
export function plannedFacts(
  schedule: ScheduleName,
  { scheduled, policy }: ScheduleSettings,
  address: string | undefined,
): string {
  const facts: readonly Fact[] = [
    ['Schedule', schedule],
    ['When', whenText(scheduled, policy)],
    ['Mode', modeText({ schedule, mode: scheduled.mode })],
    [
      'Source',
      address === undefined
        ? `kept in the bucket as it is now; replace it later with: schedule update ${schedule} SHEET`
        : 'read again for each run by the workers, with their credentials',
    ],
    ['Limits', limitsText(scheduled)],
    ['Overlap', overlapText(policy.overlap)],
    ['Catch-up', catchupText(policy.catchupMs)],
  ];
  return factLines(facts);
}

/** Facts as lines, with the texts in one column. */
export function factLines(facts: readonly Fact[]): string {
  return facts.map(([name, text]) => (text ? `${name.padEnd(10)} ${text}\n` : '')).join('');
}

/** What a schedule does and when, without defaults. */
export function scheduleFacts(sheet: ScheduledSheet, policy: Required<SchedulePolicy>): readonly Fact[] {
  return [
    ['When', whenText(sheet, policy)],
    ['Mode', modeText(sheet)],
    ['Source', sourceText(sheet.source)],
    ['Limits', limitsText(sheet)],
    ['Overlap', overlapText(policy.overlap)],
    ['Catch-up', catchupText(policy.catchupMs)],
    ['Reading', differing(sheet.sheetSettings, sheetSettings({}))],
    ['Running', differing(sheet.settings, runSettings({}))],
  ];
}

function whenText(
  { times, timezone }: Pick<ScheduledSheet, 'times' | 'timezone'>,
  { jitterMs }: Pick<Required<SchedulePolicy>, 'jitterMs'>,
): string {
  const jitter = jitterMs > 0 ? `, up to ${prettyMs(jitterMs)} later` : '';
  return `${timesText(times, timezone)}${jitter}`;
}

function modeText({ mode, schedule }: Pick<ScheduledSheet, 'mode' | 'schedule'>): string {
  switch (mode) {
    case 'fresh':
      return 'fresh: each run makes the whole sheet, as a new batch';
    case 'changes':
      return `changes: each run makes the new, changed and failed rows of the sheet, in batch ${schedule}`;
  }
}

function sourceText(source: ScheduledSheet['source']): string {
  switch (source.kind) {
    case 'pinned':
      return `${source.name === '-' ? 'standard input' : source.name}, kept in the bucket (sha256 ${source.sha256.slice(0, 12)})`;
    case 'address':
      return `${source.address}, read again for each run`;
  }
}

function limitsText({ maxImages, budget }: Pick<ScheduledSheet, 'maxImages' | 'budget'>): string | undefined {
  const limits = [
    ...(maxImages === undefined
      ? []
      : [`at most ${counted(maxImages, 'image')} (nothing is bought if there would be more)`]),
    ...(budget === undefined ? [] : [`a budget of ${budget}`]),
  ];
  return limits.length === 0 ? undefined : `${limits.join(', and ')}, for each run`;
}

function catchupText(catchupMs: number): string {
  return `a run that Temporal missed starts up to ${prettyMs(catchupMs)} late`;
}

function overlapText(overlap: ScheduleOverlap): string {
  switch (overlap) {
    case 'skip':
      return 'skip: a run is skipped while the previous one is active';
    case 'buffer-one':
      return 'buffer-one: while a run is active, the next one waits; others are skipped';
    case 'allow-all':
      return 'allow-all: runs may be active at the same time';
  }
}

/** The settings that differ from their defaults, as `name=value`. */
function differing(settings: object, defaults: object): string | undefined {
  const usual = new Map<string, unknown>(Object.entries(defaults));
  const texts = Object.entries(settings).flatMap(([name, value]) => {
    const [text, usually] = [JSON.stringify(value), JSON.stringify(usual.get(name))];
    return text === undefined || text === usually ? [] : [`${name}=${text}`];
  });
  return texts.length === 0 ? undefined : texts.join(' ');
}

/** A fact that differs between two schedules. */
export interface ChangedFact {
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** The facts that differ between two schedules. */
export function changedFacts(before: readonly Fact[], after: readonly Fact[]): readonly ChangedFact[] {
  const old = new Map(before);
  return after.flatMap(([name, text]) =>
    old.get(name) === text ? [] : [{ name, before: old.get(name), after: text }],
  );
}
