import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  log,
  setHandler,
  sleep,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import { scopesOfCreate, type HoldCause, type ModelMode } from '../domain/holds.js';
import { rowsToStart, slotsToRelease } from '../domain/window.js';
import { activityProxies, batchFaultOf } from './activity-proxies.js';
import {
  controlSignal,
  probedRowSignal,
  rowQuery,
  shardFaultSignal,
  shardTallyQuery,
  slotReleaseSignal,
  SNAPSHOT_MEMO,
  type ProbeCandidate,
  type RunShardInput,
  type RunShardResult,
  type ShardOverview,
} from './messages.js';
import { runRow, type RowContext } from './run-row.js';
import { ShardHolds } from './shard-holds.js';
import { ShardLedger } from './shard-ledger.js';

const ROWS_PER_RECORD = 100;
const LONGEST_UNRECORDED = '60 seconds';

/**
 * Works through the rows of one shard within its window and ends when each has settled and is recorded.
 * Cancelling this workflow itself cancels its rows the same way as cancelling the batch.
 */
export async function runShard(input: RunShardInput): Promise<RunShardResult> {
  const root = CancellationScope.current();
  return CancellationScope.nonCancellable(async () => {
    const holds = new ShardHolds(input.control);
    setHandler(controlSignal, (control) => holds.take(control));
    const activities = activityProxies();
    const overview = await throughHolds(input, holds, () =>
      activities.openShard({ run: input.run, shard: input.shard, execution: input.execution }),
    );
    return new Shard(input, holds, overview, activities).run(root);
  });
}

/** Runs an activity that concerns no single row until it answers; a fault of the bucket only makes it wait. */
async function throughHolds<T>(input: RunShardInput, holds: ShardHolds, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const fault = batchFaultOf(error);
      if (!fault) throw error;
      reportFault(input, holds, fault.cause);
      await condition(() => !holds.isHeld([fault.cause.scope]));
    }
  }
}

/** Tells the parent of a fault, once per scope. */
function reportFault(
  input: RunShardInput,
  holds: ShardHolds,
  cause: HoldCause,
  candidate?: ProbeCandidate,
): void {
  const { holdSeq } = holds;
  const count = holds.meet(cause.scope);
  if (count === undefined) return;
  const { shard, execution } = input;
  const fault = { shard, execution, count, cause, holdSeq, ...(candidate && { candidate }) };
  parentHandle()
    .signal(shardFaultSignal, fault)
    .catch((error: unknown) => log.warn('The batch could not be told of a fault.', { error }));
}

function parentHandle(): ReturnType<typeof getExternalWorkflowHandle> {
  const { parent } = workflowInfo();
  if (!parent) throw new Error('A shard runs only as the child of a batch.');
  return getExternalWorkflowHandle(parent.workflowId);
}

/** One open shard: its rows, its window, and its talk with the parent. */
class Shard {
  readonly #input: RunShardInput;
  readonly #holds: ShardHolds;
  readonly #ledger: ShardLedger;
  readonly #activities: ReturnType<typeof activityProxies>;
  readonly #rowContext: RowContext;
  readonly #grace = new CancellationScope();
  /** Creates under way, by row: those not yet sent can be taken back. */
  readonly #creates = new Map<number, CancellationScope>();
  #nextPart: number;
  #releasesDone = 0;
  #cancelling = false;
  #defect: unknown;

  constructor(
    input: RunShardInput,
    holds: ShardHolds,
    overview: ShardOverview,
    activities: ReturnType<typeof activityProxies>,
  ) {
    this.#input = input;
    this.#holds = holds;
    this.#ledger = new ShardLedger(overview);
    this.#nextPart = overview.nextPart;
    this.#activities = activities;
    this.#rowContext = {
      input,
      activities,
      ledger: this.#ledger,
      holds,
      grace: this.#grace,
      isCancelling: () => this.#cancelling,
      runCreate: (row, create) => this.#runCreate(row, create),
      raise: (cause, candidate) => {
        reportFault(input, holds, cause, candidate);
        this.#takeBackCreates();
      },
    };
  }

  async run(root: CancellationScope): Promise<RunShardResult> {
    const ledger = this.#ledger;
    const shield = CancellationScope.current();
    setHandler(shardTallyQuery, () => ledger.tally());
    setHandler(rowQuery, (row) => ledger.view(row));
    setHandler(probedRowSignal, (probed) => ledger.noteProbed(probed));
    // A handler runs in the root's scope: what it starts would be cancelled with it.
    setHandler(controlSignal, (control) =>
      shield.run(async () => {
        this.#holds.take(control);
        this.#obey();
      }),
    );
    root.cancelRequested.catch(() => this.#cancel());
    this.#obey();
    await Promise.all([this.#startRows(), this.#recordRows()]);
    return { tally: ledger.tally() };
  }

  #obey(): void {
    if (this.#holds.cancelling) this.#cancel();
    this.#takeBackCreates();
  }

  #cancel(): void {
    if (this.#cancelling) return;
    this.#cancelling = true;
    this.#takeBackCreates();
    this.#ledger.cancelPending(Date.now());
    const endGrace = (): void => this.#grace.cancel();
    sleep(this.#input.settings.graceMs).then(endGrace, endGrace);
  }

  #mayCreate(mode: ModelMode): boolean {
    return !this.#cancelling && !this.#holds.paused && !this.#holds.isHeld(scopesOfCreate(mode));
  }

  /** Creates that are queued or wait for another try return their rows to the queue; one that is being sent runs out. */
  #takeBackCreates(): void {
    for (const [row, scope] of this.#creates) {
      if (!this.#mayCreate(this.#ledger.generationOf(row).mode)) scope.cancel();
    }
  }

  async #runCreate<T>(row: number, create: () => Promise<T>): Promise<T> {
    const scope = new CancellationScope();
    this.#creates.set(row, scope);
    try {
      return await scope.run(create);
    } finally {
      this.#creates.delete(row);
    }
  }

  async #startRows(): Promise<void> {
    const ledger = this.#ledger;
    while (!ledger.allSettled) {
      while (this.#canStart()) this.#startRow();
      this.#releaseSlots();
      await condition(() => ledger.allSettled || this.#canStart() || this.#slotsToRelease() > 0);
    }
  }

  #canStart(): boolean {
    const { inFlight, copying } = this.#ledger;
    if (rowsToStart({ window: this.#holds.window, inFlight, copying }) === 0) return false;
    return this.#ledger.canStart((mode) => this.#mayCreate(mode));
  }

  #startRow(): void {
    const row = this.#ledger.startNext((mode) => this.#mayCreate(mode));
    if (row === undefined) return;
    runRow(this.#rowContext, row).catch((error: unknown) => {
      // Only a defect of ours gets here: it must stop the shard rather than leave a row behind.
      this.#defect = error;
    });
  }

  #slotsToRelease(): number {
    const { queued, inFlight, regenerating } = this.#ledger;
    if (queued > 0) return 0;
    const { window } = this.#holds;
    return slotsToRelease({ window, inFlight, waiting: regenerating, releasesDone: this.#releasesDone });
  }

  #releaseSlots(): void {
    const slots = this.#slotsToRelease();
    if (slots === 0) return;
    this.#releasesDone += 1;
    const released = this.#holds.release(slots);
    const { shard, execution } = this.#input;
    parentHandle()
      .signal(slotReleaseSignal, { shard, execution, released })
      .catch((error: unknown) => log.warn('Slots could not be given back early.', { error }));
  }

  async #recordRows(): Promise<void> {
    const ledger = this.#ledger;
    for (;;) {
      await condition(() => ledger.unrecorded > 0 || ledger.allSettled || this.#defect !== undefined);
      if (this.#defect !== undefined) throw this.#defect;
      if (ledger.unrecorded === 0) return;
      await condition(() => ledger.unrecorded >= ROWS_PER_RECORD || ledger.allSettled, LONGEST_UNRECORDED);
      await this.#recordPart();
    }
  }

  async #recordPart(): Promise<void> {
    const { run, shard } = this.#input;
    const settled = this.#ledger.takeUnrecorded();
    const part = this.#nextPart++;
    await throughHolds(this.#input, this.#holds, () =>
      this.#activities.recordOutcomes({ run, shard, part, settled }),
    );
    upsertMemo({ [SNAPSHOT_MEMO]: this.#ledger.tally() });
  }
}
