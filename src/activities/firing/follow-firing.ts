import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import { readBatchStatus } from '../../status/batch-status.js';
import { endOfRun, isAtWork, type RunEnd } from '../../status/end-of-run.js';
import { faultOf } from '../../schedules/firings/firing-refusal.js';
import { putFiringRecord, readFiringRecord } from '../../schedules/firings/firing-records.js';
import { inTheWayText } from '../../schedules/firings/batch-at-firing.js';
import { reportSkips } from '../../schedules/firings/report-skips.js';
import { StorageError } from '../../storage/object-store.js';
import { batchWorkflowId } from '../../workflows/protocol/names.js';
import { pause, withHeartbeat } from '../worker/activity-context.js';
import { passingFailure } from '../hold-causes.js';
import type { FiringDependencies } from './firing-dependencies.js';
import type {
  FiringActivities,
  FiringEnd,
  FollowFiringInput,
} from '../../workflows/protocol/firing-activities.js';
import { argumentOf } from './start-firing.js';

const SHORTEST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;
/** The server needs a moment to count a skipped run of the schedule. */
const LOOK_AFTER_MS = 1_500;
const LOOK_EVERY_MS = 60_000;
const AGAIN_AFTER_MS = 5_000;

/** Waits for the end of the batch, and records it. */
export function followFiringActivity(dependencies: FiringDependencies): FiringActivities['followFiring'] {
  return (input) =>
    withHeartbeat(async () => {
      try {
        return await follow(dependencies, input);
      } catch (error) {
        Context.current().cancellationSignal.throwIfAborted();
        const { schedule } = argumentOf(input);
        dependencies.log.warn({ schedule, error }, 'Could not check a run of a schedule.');
        const fault = faultOf(error, { schedule, label: schedule });
        throw passingFailure(
          fault.kind === 'passing' ? fault.publicMessage : fault.refusal.publicMessage,
          AGAIN_AFTER_MS,
        );
      }
    });
}

async function follow(means: FiringDependencies, input: FollowFiringInput): Promise<FiringEnd> {
  const beganMs = performance.now();
  const skips = new SkipChecks(means, input);
  for (;;) {
    const end = await endOfRun(means, input);
    if (end) {
      await skips.check();
      return settled(means, input, end);
    }
    await skips.lookIfDue();
    const easedMs = (performance.now() - beganMs) / 20;
    await pause(Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, easedMs)));
  }
}

async function settled(
  means: FiringDependencies,
  input: FollowFiringInput,
  { end, tally }: RunEnd,
): Promise<FiringEnd> {
  const { batchId, runSeq } = input.run;
  const { schedule } = argumentOf(input);
  try {
    await recordEnd(means, input, { end, tally });
  } catch (error) {
    const outage = error instanceof StorageError && faultOf(error, { schedule, label: schedule });
    if (outage && outage.kind === 'passing') throw error;
    // A run of the schedule that stays open for ever would keep all later ones from starting.
    means.log.error({ schedule, error }, 'The end of a run of a schedule could not be recorded.');
  }
  return { kind: 'ended', batchId, runSeq, end, tally };
}

async function recordEnd(
  { store }: FiringDependencies,
  input: FollowFiringInput,
  { end, tally }: RunEnd,
): Promise<void> {
  const { run, firingAt } = input;
  const { home, schedule } = argumentOf(input);
  const now = new Date().toISOString();
  const before = await readFiringRecord(store, home, schedule, new Date(firingAt));
  await putFiringRecord(store, home, {
    format: 1,
    schedule,
    firingAt,
    startedAt: before?.startedAt ?? now,
    endedAt: now,
    outcome: { kind: 'ended', ...run, end, tally },
  });
}

/** Checks for runs of the schedule that are skipped while this one's batch is running, shortly after each time of the schedule. */
class SkipChecks {
  readonly #means: FiringDependencies;
  readonly #input: FollowFiringInput;
  #dueMs = 0;

  constructor(means: FiringDependencies, input: FollowFiringInput) {
    this.#means = means;
    this.#input = input;
  }

  async lookIfDue(): Promise<void> {
    if (Date.now() >= this.#dueMs) await this.check();
  }

  /** Never throws: the batch is followed even if the check fails. */
  async check(): Promise<void> {
    const { home, schedule } = argumentOf(this.#input);
    const now = new Date();
    this.#dueMs = now.getTime() + LOOK_EVERY_MS;
    try {
      const inTheWay = () => this.#inTheWay();
      const next = await reportSkips(this.#means, { home, schedule, inTheWay }, now);
      // A deleted schedule has no more runs; the batch that it started continues.
      if (!next) this.#dueMs = Infinity;
      const [first] = next ?? [];
      if (first) this.#dueMs = Math.min(this.#dueMs, first.getTime() + LOOK_AFTER_MS);
    } catch (error) {
      this.#means.log.warn({ schedule, error }, 'Could not check for skipped runs of a schedule.');
    }
  }

  async #inTheWay(): Promise<{
    readonly reason: string;
    readonly batchId: FollowFiringInput['run']['batchId'];
  }> {
    const { run, firingAt } = this.#input;
    const status = await readBatchStatus(this.#means, run);
    const what = status ? inTheWayText(status) : `Batch "${run.batchId}" was running.`;
    return { reason: `The run of ${firingAt} was still active. ${what}`, batchId: run.batchId };
  }
}

/** Cancels the batch as `cancel` does; no effect if the batch has ended or is about to. */
export function cancelFiringActivity(dependencies: FiringDependencies): FiringActivities['cancelFiring'] {
  return async ({ run }) => {
    const { client } = dependencies;
    if (!(await isAtWork(client, run))) return;
    try {
      await client.workflow.getHandle(batchWorkflowId(run.batchId)).cancel();
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  };
}
