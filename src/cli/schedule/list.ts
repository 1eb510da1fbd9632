import pMap from 'p-map';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { lostSchedules } from '../../schedules/lost-schedules.js';
import { refusalOf } from '../terminal/refusal.js';
import type { BatchStatus } from '../../status/status-document.js';
import { firingAtOf, readFirings, type Firing } from '../../schedules/firings/read-firings.js';
import {
  listSchedules,
  readSchedule,
  type ListedSchedule,
  type Schedule,
} from '../../schedules/schedule-client.js';
import { timesText } from '../../schedules/times/schedule-times.js';
import { EXIT, type Command, type CommandContext } from '../terminal/command-context.js';
import { ago } from '../terminal/elapsed.js';
import { firingText, timeToComeText } from './text/times-text.js';
import { lostText, noWorkerText, withSchedules, type ScheduleHome } from './access.js';
import { batchesAtWork } from './at-work.js';
import { firingDocument, knownScheduleDocument } from './text/document.js';
import { coloursFor } from '../watch/status-text.js';
import { renderTable, tableWidth, type TableColumn, writeText } from '../terminal/table.js';

export interface ScheduleListOptions {
  readonly json: boolean;
}

const READS_AT_ONCE = 8;

/** All schedules of the bucket's prefix: next run, result of the last one, and what prevents others. */
export const scheduleList: Command<ScheduleListOptions> = (context, { json }) =>
  withSchedules(context.config, async (access) => {
    const { stdout, stderr } = context;
    const found: ListedSchedule[] = [];
    for await (const one of listSchedules(access.client, access.home)) found.push(one);
    const lost = await lostSchedules(access, access.home, new Set(found.map(({ name }) => name)));
    const entries = await pMap(found, (one) => lookAt(access, one), { concurrency: READS_AT_ONCE });
    const shown = [
      ...entries.filter((entry) => entry !== undefined),
      ...lost.map((name) => ({ kind: 'lost', name, why: lostText(name) }) as const),
    ].toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    const { bucket, prefix } = access.home;
    if (json) {
      const document = { location: `s3://${bucket}/${prefix}`, schedules: shown.map(documentOf) };
      await writeText(stdout, `${JSON.stringify(document)}\n`);
    } else if (shown.length === 0) {
      stderr.write(
        `There are no schedules for s3://${bucket}/${prefix} yet. Create one with: banana-batch schedule create NAME SHEET --mode fresh --cron "0 2 * * *"\n`,
      );
    } else {
      await writeText(stdout, tableOf(shown, context, Date.now()));
      const nobody = await noWorkerText(access);
      if (nobody) stderr.write(`${nobody}\n`);
    }
    return EXIT.ok;
  });

/** A schedule of the list, or why its details are unknown. */
type Entry =
  | {
      readonly kind: 'known';
      readonly schedule: Schedule;
      readonly last: Firing | undefined;
      readonly atWork: BatchStatus | undefined;
      readonly why: string;
    }
  | { readonly kind: 'broken'; readonly name: ScheduleName; readonly why: string }
  /** Temporal lacks it, although nobody has deleted it. */
  | { readonly kind: 'lost'; readonly name: ScheduleName; readonly why: string };

function nameOf(entry: Entry): ScheduleName {
  return entry.kind === 'known' ? entry.schedule.name : entry.name;
}

/** Undefined if it was deleted meanwhile. One unreadable schedule must not hide the others. */
async function lookAt(access: ScheduleHome, listed: ListedSchedule): Promise<Entry | undefined> {
  const { name } = listed;
  try {
    const schedule = await readSchedule(access, access.home, name);
    if (!schedule) return undefined;
    const firings = await readFirings(access, access.home, name, { last: 3, taken: schedule.recent });
    const [atWork] = await batchesAtWork(access, schedule, firings);
    const [last] = firings;
    const why = [
      schedule.paused && (schedule.note ?? 'paused'),
      atWork?.reason && `${atWork.batchId}: ${atWork.reason}`,
      last && firingText(last).why,
    ].find((text) => typeof text === 'string');
    return { kind: 'known', schedule, last, atWork, why: why ?? '' };
  } catch (error) {
    const why = refusalOf(error);
    if (why === undefined) throw error;
    return { kind: 'broken', name, why };
  }
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'SCHEDULE', shrinks: true },
  { title: 'STATE' },
  { title: 'MODE' },
  { title: 'WHEN', shrinks: true },
  { title: 'NEXT' },
  { title: 'LAST' },
  { title: 'OUTCOME', shrinks: true },
  { title: 'WHY', shrinks: true },
];

function tableOf(entries: readonly Entry[], { stdout, environment }: CommandContext, nowMs: number): string {
  const rows = entries.map((entry) => {
    if (entry.kind !== 'known') return [entry.name, entry.kind, '–', '–', '–', '–', '–', entry.why];
    const { schedule, last, why } = entry;
    const { sheet, next } = schedule;
    const [first] = next;
    return [
      schedule.name,
      stateOf(entry),
      sheet.mode,
      timesText(sheet.times, sheet.timezone),
      first && !schedule.paused ? timeToComeText(first, sheet.timezone, nowMs) : '–',
      last ? ago(firingAtOf(last), nowMs) : '–',
      last ? firingText(last).outcome : '–',
      why,
    ];
  });
  const paintTitle = coloursFor(stdout, environment).bold;
  return renderTable(COLUMNS, rows, { width: tableWidth(stdout), paintTitle });
}

function stateOf({ schedule, last, atWork }: Extract<Entry, { kind: 'known' }>): string {
  if (schedule.paused) return 'paused';
  if (last?.kind === 'waiting') return 'waiting';
  return atWork?.reason === undefined ? 'on' : `batch ${atWork.state}`;
}

function documentOf(entry: Entry): Readonly<Record<string, unknown>> {
  if (entry.kind === 'broken') return { schedule: entry.name, problem: entry.why };
  if (entry.kind === 'lost') return { schedule: entry.name, lost: true, problem: entry.why };
  const { schedule, last, why } = entry;
  return {
    ...knownScheduleDocument(schedule),
    why: why === '' ? undefined : why,
    last: last && firingDocument(last),
  };
}
