import {
  getExternalWorkflowHandle,
  log,
  workflowInfo,
  type SignalDefinition,
  condition,
} from '@temporalio/workflow';
import type { LeaseReport } from '../../domain/money/budget.js';
import type { HoldCause } from '../../domain/batch/holds.js';
import { batchFaultOf } from '../activity-proxies.js';
import {
  leaseWordSignal,
  rowOfferSignal,
  shardEndSignal,
  shardFaultSignal,
  slotReleaseSignal,
  slowDownSignal,
  trialEndSignal,
  type RowOffer,
  type RunShardInput,
  type ShardFault,
  type ShardSpeaker,
  type TrialEnd,
} from '../protocol/shard-messages.js';
import type { ShardHolds } from './shard-control.js';

/** The messages from a shard to its batch. Undeliverable ones are only logged: the batch has ended then. */
export class ParentBatch {
  readonly #input: RunShardInput;
  readonly #holds: ShardHolds;
  #underWay = 0;

  constructor(input: RunShardInput, holds: ShardHolds) {
    this.#input = input;
    this.#holds = holds;
  }

  /** Whether every message has arrived. Temporal drops those of a workflow run that ends at the same moment. */
  get hasToldAll(): boolean {
    return this.#underWay === 0;
  }

  /** Reports a fault, once per scope; false if it was reported before. */
  tellFault(cause: HoldCause, rows: Pick<ShardFault, 'candidate' | 'others' | 'need'> = {}): boolean {
    const { holdSeq } = this.#holds;
    const count = this.#holds.meet(cause.scope);
    if (count === undefined) return false;
    void this.#tell(shardFaultSignal, { ...this.#speaker, count, cause, holdSeq, ...rows });
    return true;
  }

  /** Reports the slots that were returned so far. */
  tellSlots(exhausted: boolean): void {
    void this.#tell(slotReleaseSignal, { ...this.#speaker, ...this.#holds.given, exhausted });
  }

  /** Reports the state of the shard's lease. */
  tellLease(word: LeaseReport): Promise<void> {
    return this.#tell(leaseWordSignal, { ...word, ...this.#speaker });
  }

  /** Reports that a create just met a 429 and must wait this long. */
  tellSlowDown(waitMs: number): void {
    const metAtMs = Date.now();
    void this.#tell(slowDownSignal, { ...this.#speaker, metAtMs, untilMs: metAtMs + waitMs });
  }

  /** Answers a call for rows. */
  tellOffer(offer: Omit<RowOffer, keyof ShardSpeaker>): void {
    void this.#tell(rowOfferSignal, { ...this.#speaker, ...offer });
  }

  tellTrial(trial: number, verdict: TrialEnd['verdict']): void {
    void this.#tell(trialEndSignal, { ...this.#speaker, trial, verdict });
  }

  /** Signals the end of the shard if Temporal does not report it to the batch. */
  async tellEnd(): Promise<void> {
    if (this.#holds.isAdopted) await this.#tell(shardEndSignal, this.#speaker);
  }

  get #speaker(): ShardSpeaker {
    const { run, shard } = this.#input;
    return { runSeq: run.runSeq, shard, execution: this.#holds.execution };
  }

  async #tell<T>(signal: SignalDefinition<[T]>, word: T): Promise<void> {
    const { parent } = workflowInfo();
    if (!parent) throw new Error('A shard runs only as the child of a batch.');
    this.#underWay += 1;
    try {
      await getExternalWorkflowHandle(parent.workflowId).signal(signal, word);
    } catch (error) {
      log.warn('A message to the batch could not be sent.', { error });
    } finally {
      this.#underWay -= 1;
    }
  }
}

/** Repeats an activity that concerns no single row until it succeeds; a fault of the bucket only delays it. */
export async function throughShardHolds<T>(
  parent: ParentBatch,
  holds: ShardHolds,
  call: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const fault = batchFaultOf(error);
      if (!fault) throw error;
      parent.tellFault(fault.cause);
      await condition(() => !holds.isHeld([fault.cause.scope]));
    }
  }
}
