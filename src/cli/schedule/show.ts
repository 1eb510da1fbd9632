import path from 'node:path';
import type { BatchStatus } from '../../status/status-document.js';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { firingAtOf, readFirings, type Firing } from '../../schedules/firings/read-firings.js';
import type { Schedule } from '../../schedules/schedule-client.js';
import { zonedText } from '../../schedules/times/time-zone.js';
import { contactSheetKey } from '../../storage/layout.js';
import { EXIT, type Command, type CommandContext } from '../terminal/command-context.js';
import { embeddedBucketFolder } from '../terminal/engine.js';
import { firingText, timeToComeText, TIMES_SHOWN } from './text/times-text.js';
import { knownSchedule, noWorkerText, withSchedules, type ScheduleHome } from './access.js';
import { atWorkText, batchesAtWork, standstillText } from './at-work.js';
import { firingDocument, knownScheduleDocument, type FiringBatch } from './text/document.js';
import { factLines, scheduleFacts, type Fact } from './text/facts.js';
import { coloursFor } from '../watch/status-text.js';
import { oneLine, renderTable, tableWidth, type TableColumn, writeText } from '../terminal/table.js';

export interface ScheduleShowOptions {
  readonly name: ScheduleName;
  readonly json: boolean;
}

const FIRINGS_SHOWN = 10;
const REASONS_SHOWN = 3;

/** What a schedule does, its next times, and the results of its last runs: from Temporal and the bucket, without a worker. */
export const scheduleShow: Command<ScheduleShowOptions> = (context, { name, json }) =>
  withSchedules(context.config, async (access) => {
    const schedule = await knownSchedule(access, name);
    const { recent: taken } = schedule;
    const firings = await readFirings(access, access.home, name, { last: FIRINGS_SHOWN, taken });
    const atWork = await batchesAtWork(access, schedule, firings);
    const { stdout } = context;
    if (json) {
      const document = {
        ...knownScheduleDocument(schedule),
        atWork: atWork.map(({ batchId, state, reason }) => ({ batchId, state, reason })),
        firings: firings.map(firingDocument),
      };
      await writeText(stdout, `${JSON.stringify(document)}\n`);
    } else {
      const nobody = await noWorkerText(access);
      await writeText(stdout, headText(context, schedule, atWork, nobody));
      await writeText(stdout, firingsText(context, access, schedule, firings));
    }
    return EXIT.ok;
  });

function headText(
  { stdout, environment }: CommandContext,
  schedule: Schedule,
  atWork: readonly BatchStatus[],
  nobody: string | undefined,
): string {
  const colours = coloursFor(stdout, environment);
  const { name, paused, note, sheet, policy, skippedOverlap, missedCatchup } = schedule;
  const nowMs = Date.now();
  const state = paused ? colours.yellow(`paused${note ? `: ${oneLine(note)}` : ''}`) : '';
  const lines = [`${colours.bold(name)}  ${state}`.trimEnd()];
  for (const batch of atWork) {
    lines.push(`  running: ${atWorkText(batch)}`);
    const standstill = standstillText(batch);
    if (standstill) lines.push(colours.yellow(`  stopped: ${oneLine(standstill)}`));
  }
  if (nobody) lines.push(colours.yellow(`  ${nobody}`));
  // Temporal's next times of a paused schedule may have passed.
  const next = schedule.next.filter((time) => time.getTime() > nowMs).slice(0, TIMES_SHOWN);
  const facts: readonly Fact[] = [
    ...scheduleFacts(sheet, policy),
    ['Missed', missedText(skippedOverlap, missedCatchup)],
    ...next.map((time, index): Fact => [
      index === 0 ? 'Next' : '',
      timeToComeText(time, sheet.timezone, nowMs),
    ]),
    ['', paused && next.length > 0 ? `only after: banana-batch schedule resume ${name}` : undefined],
  ];
  return `${lines.join('\n')}\n${factLines(facts)}`;
}

function missedText(skippedOverlap: number, missedCatchup: number): string | undefined {
  const texts = [
    ...(skippedOverlap > 0 ? [`${skippedOverlap} skipped, because the previous run was active`] : []),
    ...(missedCatchup > 0
      ? [`${missedCatchup} missed, because Temporal was down for longer than the catch-up`]
      : []),
  ];
  return texts.length === 0 ? undefined : texts.join(', ');
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'RUN' },
  { title: 'OUTCOME', shrinks: true },
  { title: 'BATCH' },
  { title: 'CONTACT SHEET (report.json beside it)', shrinks: true },
];

function firingsText(
  { cwd, stdout, environment }: CommandContext,
  { bucket: { origin } }: ScheduleHome,
  { name, sheet: { timezone } }: Schedule,
  firings: readonly Firing[],
): string {
  if (firings.length === 0) return `\nNo runs yet. Start one now: banana-batch schedule trigger ${name}\n`;
  const lines = firings.map((firing) => ({
    ...firingText(firing),
    isAtWork: firing.kind === 'recorded' && firing.batch !== undefined,
    time: zonedText(new Date(firingAtOf(firing)), timezone),
  }));
  const place = (batch: FiringBatch): string =>
    origin === 'stack'
      ? path.join(path.relative(cwd, embeddedBucketFolder(cwd, batch.bucket)), contactSheetKey(batch))
      : `s3://${batch.bucket}/${contactSheetKey(batch)}`;
  const rows = lines.map(({ time, outcome, batch }) => [
    time,
    outcome,
    batch?.batchId ?? '–',
    batch ? place(batch) : '',
  ]);
  const colours = coloursFor(stdout, environment);
  const table = renderTable(COLUMNS, rows, { width: tableWidth(stdout), paintTitle: colours.bold });
  const reasons = lines
    // Running batches are already listed above.
    .filter(({ why, isAtWork }) => why !== undefined && !isAtWork)
    .slice(0, REASONS_SHOWN)
    .map(({ time, outcome, why = '' }) => `${time}  ${outcome}: ${oneLine(why)}\n`);
  return `\n${table}${reasons.length > 0 ? `\n${reasons.join('')}` : ''}`;
}
