import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchStatus } from '../../status/status-document.js';
import { firingBatchId, type ScheduleName } from '../../domain/batch/schedule-name.js';
import { triggerSchedule } from '../../schedules/fire-now.js';
import { type FiringRecord, readFiringRecord } from '../../schedules/firings/firing-records.js';
import { readFirings } from '../../schedules/firings/read-firings.js';
import type { Schedule, TakenFiring } from '../../schedules/schedule-client.js';
import type { ScheduleOverlap } from '../../domain/batch/schedule-overlap.js';
import { EXIT, type Command, type CommandContext, type ExitCode } from '../terminal/command-context.js';
import { knownSchedule, noWorkerText, withSchedules, type ScheduleHome } from './access.js';
import { batchesAtWork, standstillText } from './at-work.js';
import { firingDocument } from './text/document.js';
import { watchToEnd } from '../watch/watch-to-end.js';

export interface ScheduleTriggerOptions {
  readonly name: ScheduleName;
  readonly overlap: ScheduleOverlap;
  readonly watch: boolean;
  readonly json: boolean;
}

/** Starts a run of the schedule now, and prints the result. Exits with 2 if nothing was started. */
export const scheduleTrigger: Command<ScheduleTriggerOptions> = (context, options) =>
  withSchedules(context.config, async (access) => {
    const { name, overlap, json } = options;
    const { stdout, stderr } = context;
    const schedule = await knownSchedule(access, name);
    const triggered = await triggerSchedule(access.client, name, overlap);
    switch (triggered.kind) {
      case 'started':
        return reportStarted(context, access, { options, schedule, firing: triggered.firing });
      case 'waiting':
        if (json) stdout.write(`${JSON.stringify({ schedule: name, outcome: 'waiting' })}\n`);
        stderr.write(
          `A run of "${name}" is active; this one starts when it has ended. See: banana-batch schedule show ${name}\n`,
        );
        return EXIT.ok;
      case 'skipped': {
        const taken = { last: 5, taken: schedule.recent };
        const atWork = await batchesAtWork(
          access,
          schedule,
          await readFirings(access, access.home, name, taken),
        );
        if (json) {
          const document = {
            schedule: name,
            outcome: 'skipped',
            atWork: atWork.map(({ batchId }) => batchId),
          };
          stdout.write(`${JSON.stringify(document)}\n`);
        }
        stderr.write(skippedText(name, atWork));
        return EXIT.refused;
      }
    }
  });

function skippedText(name: ScheduleName, [batch]: readonly BatchStatus[]): string {
  if (!batch) {
    return `Skipped: a run is still active; nothing was started. See: banana-batch schedule show ${name}\n`;
  }
  const standstill = standstillText(batch);
  const next = standstill
    ? `It is not progressing: ${standstill}`
    : `Watch it with: banana-batch status ${batch.batchId} --watch`;
  return `Skipped: batch "${batch.batchId}" is still running; nothing was started. ${next}\n`;
}

const RECORDED_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 250;

async function reportStarted(
  context: CommandContext,
  access: ScheduleHome,
  {
    options: { name, watch, json },
    schedule,
    firing,
  }: {
    readonly options: ScheduleTriggerOptions;
    readonly schedule: Schedule;
    readonly firing: TakenFiring;
  },
): Promise<ExitCode> {
  const { config, stdout, stderr, interrupted } = context;
  const { firingAt } = firing;
  const batchId = firingBatchId(name, schedule.sheet.mode, firingAt);
  const nobody = await noWorkerText(access);
  const record = nobody ? undefined : await recordOf(access, name, firingAt, interrupted);
  if (json && !watch) {
    const document = record
      ? firingDocument({ kind: 'recorded', record })
      : { firingAt: firingAt.toISOString(), outcome: 'waiting', batchId };
    stdout.write(`${JSON.stringify({ schedule: name, ...document })}\n`);
  }
  if (!record) {
    stderr.write(
      `Triggered. ${nobody ?? 'No worker has started it yet.'} See: banana-batch schedule show ${name}\n`,
    );
    return EXIT.ok;
  }
  const { outcome } = record;
  switch (outcome.kind) {
    case 'skipped':
    case 'failed':
      stderr.write(`Triggered, but nothing was started (${outcome.kind}): ${outcome.reason}\n`);
      return EXIT.refused;
    case 'nothing-to-do':
      stderr.write(
        `Triggered. Nothing to do: batch "${outcome.batchId}" already has every row of the sheet.\n`,
      );
      return EXIT.ok;
    case 'running':
    case 'ended': {
      stderr.write(`Triggered. ${followText(outcome.batchId)}\n`);
      if (!watch) return EXIT.ok;
      const { bucket, root } = outcome;
      const location = { bucket, root, batchId: outcome.batchId };
      return watchToEnd(context, { location, access, config, engine: undefined, json, asks: false });
    }
  }
}

function followText(batchId: string): string {
  return `Its batch is ${batchId}: banana-batch status ${batchId} --watch`;
}

/** A worker's record of the run; undefined if there is none within `RECORDED_WITHIN_MS`. */
async function recordOf(
  { store, home }: Pick<ScheduleHome, 'store' | 'home'>,
  name: ScheduleName,
  firingAt: Date,
  interrupted: AbortSignal,
): Promise<FiringRecord | undefined> {
  const untilMs = Date.now() + RECORDED_WITHIN_MS;
  while (!interrupted.aborted) {
    const record = await readFiringRecord(store, home, name, firingAt);
    if (record || Date.now() > untilMs) return record;
    await sleep(LOOK_EVERY_MS, undefined, { signal: interrupted }).catch(() => undefined);
  }
  return undefined;
}
