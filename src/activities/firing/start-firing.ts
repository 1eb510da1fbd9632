import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { startDeadline } from '../../bananahub/http/deadline.js';
import { spanText } from '../../domain/text/span-text.js';
import { afterFault, FRESH_BUDGET, type RetryBudget } from '../../domain/batch/fault-budget.js';
import type { FiringNotice } from '../../domain/batch/notice.js';
import { firingBatchId } from '../../domain/batch/schedule-name.js';
import { readDocument } from '../../ledger/files/read-document.js';
import type { FiringIdentity } from '../../schedules/firings/batch-at-firing.js';
import { faultOf, FiringRefusal } from '../../schedules/firings/firing-refusal.js';
import { putFiringRecord, type FiringRecord } from '../../schedules/firings/firing-records.js';
import { labelOf } from '../../schedules/firings/firing-sheet.js';
import { ScheduledSheet, firingArgument } from '../../schedules/scheduled-sheet.js';
import { startFiring, type FiringStart } from '../../schedules/firings/submit-firing.js';
import { reportSkips } from '../../schedules/firings/report-skips.js';
import { StorageError } from '../../storage/object-store.js';
import { scheduleAddress } from '../../schedules/schedule-layout.js';
import { askingRun, cancellationSignal, withHeartbeat } from '../worker/activity-context.js';
import { countedTryMs } from '../retry-or-hold.js';
import { passingFailure } from '../hold-causes.js';
import type { FiringDependencies } from './firing-dependencies.js';
import type {
  FiringActivities,
  FiringInput,
  StartFiringResult,
  FiringArgument,
} from '../../workflows/protocol/firing-activities.js';

const Progress = z.object({ budget: z.object({ spentMs: z.number(), tries: z.number() }) });

/** Temporary faults are retried; if they persist, the run of the schedule has failed, as after a refusal. */
export function startFiringActivity(dependencies: FiringDependencies): FiringActivities['startFiring'] {
  return (input) => {
    const { info } = Context.current();
    const budget = Progress.safeParse(info.heartbeatDetails).data?.budget ?? FRESH_BUDGET;
    const work = (): Promise<StartFiringResult> =>
      new StartingFiring(dependencies, input).start({ budget, signal: cancellationSignal() });
    return withHeartbeat(work, () => ({ budget }));
  };
}

/** The argument of a run of the schedule, as this version knows it. */
export function argumentOf({ argument }: Pick<FiringInput, 'argument'>): FiringArgument {
  const parsed = firingArgument.safeParse(argument);
  if (parsed.success) return parsed.data;
  throw ApplicationFailure.nonRetryable(
    'The schedule was created by another version of banana-batch than that of the workers. Start workers of that version, or create the schedule again.',
    'OtherVersion',
  );
}

type Outcome = FiringRecord['outcome'];

class StartingFiring {
  readonly #means: FiringDependencies;
  readonly #argument: FiringArgument;
  readonly #firing: FiringIdentity;
  readonly #startedAt: string;
  /** As far as it has been read. */
  #sheet: ScheduledSheet | undefined;

  constructor(means: FiringDependencies, input: FiringInput) {
    this.#means = means;
    this.#argument = argumentOf(input);
    const { schedule } = this.#argument;
    this.#firing = { schedule, firingAt: new Date(input.firingAt), runId: askingRun() };
    this.#startedAt = new Date(Context.current().info.scheduledTimestampMs).toISOString();
  }

  async start({
    budget,
    signal,
  }: {
    readonly budget: RetryBudget;
    readonly signal: AbortSignal;
  }): Promise<StartFiringResult> {
    const beganAt = performance.now();
    const { limits, log } = this.#means;
    const deadline = startDeadline(limits.firingStartMs, signal);
    try {
      await this.#reportSkips();
      this.#sheet = await this.#readSheet();
      return await this.#settle(await startFiring(this.#means, this.#sheet, this.#firing, deadline.signal));
    } catch (error) {
      signal.throwIfAborted();
      const { schedule } = this.#firing;
      const label = this.#sheet ? labelOf(this.#sheet) : schedule;
      if (deadline.expired()) {
        const publicMessage = `${label}: the batch was not started, because reading the sheet and its input images took longer than ${spanText(limits.firingStartMs)}.`;
        return this.#fail(new FiringRefusal(publicMessage, { publicMessage, cause: error }));
      }
      const fault = faultOf(error, { schedule, label });
      if (fault.kind === 'refused') return this.#fail(fault.refusal);
      log.warn({ schedule, error }, 'A run of a schedule failed temporarily and is retried.');
      const tryMs = countedTryMs(performance.now() - beganAt);
      const limitMs = limits.firingFaultMs;
      const next = afterFault({ budget, tryMs, limitMs, retryAfterMs: undefined, random: Math.random() });
      if (next.kind === 'retry') {
        Context.current().heartbeat({ budget: next.budget });
        throw passingFailure(fault.publicMessage, next.delayMs);
      }
      const minutes = `It was retried for ${Math.round(limitMs / 60_000)} min.`;
      const options = { publicMessage: `${fault.publicMessage} ${minutes}`, cause: error };
      return this.#fail(new FiringRefusal(`${fault.message} ${minutes}`, options));
    } finally {
      deadline.dispose();
    }
  }

  async #readSheet(): Promise<ScheduledSheet> {
    const { home, sheetKey } = this.#argument;
    const ref = { bucket: home.bucket, key: sheetKey };
    try {
      return await readDocument(this.#means.store, ref, ScheduledSheet);
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== 'not-found') throw error;
      const publicMessage = `The settings of the schedule are missing: s3://${ref.bucket}/${ref.key}. Restore that object, or delete the schedule and create it again.`;
      throw new FiringRefusal(publicMessage, { publicMessage, cause: error });
    }
  }

  async #settle(start: FiringStart): Promise<StartFiringResult> {
    switch (start.kind) {
      case 'started': {
        const { run, workflowRunId } = start;
        // The batch is running: failing to record that is no failure.
        await this.#record({ kind: 'running', ...run }).catch((error: unknown) =>
          this.#logUnrecorded(error, 'The start of a run of a schedule could not be recorded.'),
        );
        return { kind: 'started', run, workflowRunId };
      }
      case 'nothing-to-do': {
        const { location, runSeq } = start;
        await this.#record({ kind: 'nothing-to-do', ...location, runSeq });
        return { kind: 'over', end: { kind: 'nothing-to-do', batchId: location.batchId } };
      }
      case 'in-the-way': {
        const { reason, location } = start;
        const notice = { ...this.#notice(reason), batchId: location.batchId };
        await this.#record({ kind: 'skipped', reason }, new Date());
        await this.#means.notify?.({ type: 'schedule.firing-skipped', ...notice }, new Date().toISOString());
        return { kind: 'over', end: { kind: 'skipped', reason } };
      }
    }
  }

  /** Records and reports why nothing was bought; if the bucket cannot be written either, only Temporal has the reason. */
  async #fail({ message, publicMessage }: FiringRefusal): Promise<StartFiringResult> {
    const { notify } = this.#means;
    const { schedule, firingAt } = this.#firing;
    const batchId = this.#sheet && firingBatchId(schedule, this.#sheet.mode, firingAt);
    const notice = { ...this.#notice(publicMessage), ...(batchId !== undefined && { batchId }) };
    const { runId } = this.#firing;
    await notify?.({ type: 'schedule.firing-failed', runId, ...notice }, new Date().toISOString());
    await this.#record({ kind: 'failed', reason: message }, new Date()).catch((error: unknown) =>
      this.#logUnrecorded(error, 'The failure of a run of a schedule could not be recorded.'),
    );
    return { kind: 'over', end: { kind: 'failed', reason: publicMessage } };
  }

  #logUnrecorded(error: unknown, message: string): void {
    this.#means.log.error({ schedule: this.#firing.schedule, error }, message);
  }

  #notice(reason: string): FiringNotice {
    const { schedule, firingAt } = this.#firing;
    const address = scheduleAddress(this.#argument.home, schedule);
    return { schedule, address, firingAt: firingAt.toISOString(), reason };
  }

  async #record(outcome: Outcome, endedAt?: Date): Promise<void> {
    const { schedule, firingAt } = this.#firing;
    await putFiringRecord(this.#means.store, this.#argument.home, {
      format: 1,
      schedule,
      firingAt: firingAt.toISOString(),
      startedAt: this.#startedAt,
      ...(endedAt && { endedAt: endedAt.toISOString() }),
      outcome,
    });
  }

  /** Those skipped while no worker was running, or after the last check. */
  async #reportSkips(): Promise<void> {
    const { log } = this.#means;
    const { home, schedule } = this.#argument;
    const reason = `The previous run was still active: its batch was running, or it was waiting for a worker. The run of ${this.#firing.firingAt.toISOString()} started at ${new Date().toISOString()}. See: banana-batch schedule show ${schedule}`;
    try {
      await reportSkips(this.#means, { home, schedule, inTheWay: async () => ({ reason }) }, new Date());
    } catch (error) {
      log.warn({ schedule, error }, 'Could not check for skipped runs of a schedule.');
    }
  }
}
