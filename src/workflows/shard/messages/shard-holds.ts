import type { HoldScope } from '../../../domain/batch/holds.js';
import { windowSize } from '../../../domain/batch/window.js';
import type { ResumedShard, ShardControl, Witness } from '../../protocol/shard-messages.js';

/** What a shard may do at present: its batch's last control, and its own faults that the batch has not taken yet. */
export class ShardHolds {
  #control: ShardControl;
  #returned: number;
  readonly #own = new Set<HoldScope>();

  constructor(control: ShardControl, resumed?: Pick<ResumedShard, 'slotsReturned'>) {
    this.#control = control;
    this.#returned = resumed?.slotsReturned ?? 0;
  }

  /** The batch's last control. */
  get control(): ShardControl {
    return this.#control;
  }

  /**
   * Takes a control; false if it is older than the last. A batch that was reset counts the slots from an older state,
   * and those of another execution from the start; a shard that was reset has forgotten returned ones.
   */
  take(control: ShardControl): boolean {
    if (control.seq <= this.#control.seq) return false;
    const { returned } = control.slots;
    this.#returned = countedBy(control) === this.countedBy ? Math.max(this.#returned, returned) : returned;
    this.#control = control;
    return true;
  }

  /** Another value than before means that the batch does not know what this shard has reported. */
  get countedBy(): string {
    return countedBy(this.#control);
  }

  /** Slots that the shard has and keeps: rows that may have an unfinished job at once. */
  get window(): number {
    return Math.min(this.#held, this.#control.slots.keep);
  }

  /** Slots that the shard still has to return. */
  get owed(): number {
    return this.#held - this.window;
  }

  get #held(): number {
    return windowSize({ granted: this.#control.slots.granted, returned: this.#returned });
  }

  /** Returns slots. */
  giveBack(slots: number): void {
    this.#returned += slots;
  }

  /** What was returned since the shard began. */
  get returned(): number {
    return this.#returned;
  }

  /** Milliseconds since the epoch. */
  get createsNotBeforeMs(): number {
    return this.#control.createsNotBeforeMs ?? 0;
  }

  get maxFailureRate(): number {
    return this.#control.maxFailureRate;
  }

  /** Milliseconds since the epoch; undefined: nobody has accepted that jobs are missing. */
  get missingAcceptedMs(): number | undefined {
    return this.#control.missingAcceptedMs;
  }

  get witness(): Witness | undefined {
    return this.#control.witness;
  }

  get trial(): number {
    return this.#control.trial;
  }

  get paused(): boolean {
    return this.#control.paused;
  }

  get cancelling(): boolean {
    return this.#control.cancelling;
  }

  get holdSeq(): number {
    return this.#control.holdSeq;
  }

  isHeld(scopes: readonly HoldScope[]): boolean {
    return scopes.some((scope) => this.#own.has(scope) || this.#control.heldScopes.includes(scope));
  }

  /** Whether a pause or a hold stops rows at present. */
  get stops(): boolean {
    return this.paused || this.#own.size > 0 || this.#control.heldScopes.length > 0;
  }

  /** Holds a scope until the batch has taken the fault that was just met. */
  hold(scope: HoldScope): void {
    this.#own.add(scope);
  }

  /** Leaves a scope to the batch, which knows of its fault, or must hear of it again. */
  leave(scope: HoldScope): void {
    this.#own.delete(scope);
  }
}

function countedBy({ parentRunId, execution }: ShardControl): string {
  return `${parentRunId}/${execution}`;
}
