import type { HoldScope } from '../../domain/batch/holds.js';
import { windowSize } from '../../domain/batch/window.js';
import type { ResumedShard, ShardControl, Witness } from '../protocol/shard-messages.js';

/** What a shard may do at present: its parent's last control, and its own faults that the parent has not received yet. */
export class ShardHolds {
  #control: ShardControl;
  #released = 0;
  #recallAnswered = 0;
  #faultsMet = 0;
  readonly #own = new Map<HoldScope, number>();

  constructor(control: ShardControl, resumed?: ResumedShard) {
    this.#control = control;
    if (!resumed) return;
    this.#released = resumed.given.released;
    this.#recallAnswered = resumed.given.recallAnswered;
    this.#faultsMet = resumed.faultsMet;
  }

  /** The state for the next workflow run of the shard. */
  get state(): Pick<ResumedShard, 'given' | 'faultsMet'> & { readonly control: ShardControl } {
    // A fault that the parent has not received may be lost; if it persists, the shard meets it again.
    return { control: this.#control, given: this.given, faultsMet: this.#faultsMet };
  }

  /**
   * Takes a control; one older than the last has no effect. A parent that was reset counts the slots from an older
   * state, and may not know of reported faults.
   */
  take(control: ShardControl): void {
    if (control.seq <= this.#control.seq) return;
    if (control.parentRunId !== this.#control.parentRunId) {
      this.#released = control.slots.released;
      this.#recallAnswered = control.slots.recallAnswered;
      this.#own.clear();
    }
    this.#control = control;
    this.#forgetExcess();
    for (const [scope, count] of this.#own) {
      if (count <= control.faultsTaken) this.#own.delete(scope);
    }
  }

  /** The parent's last control. */
  get control(): ShardControl {
    return this.#control;
  }

  /** Rows that may have an unfinished job at once, without the slots that are still to be returned. */
  get window(): number {
    return windowSize({ granted: this.#control.slots.granted, released: this.#released }) - this.owed;
  }

  /** Recalled slots that had been returned before the recall arrived are not owed. */
  #forgetExcess(): void {
    const { granted } = this.#control.slots;
    const excess = this.owed - windowSize({ granted, released: this.#released });
    if (excess > 0) this.#recallAnswered += excess;
  }

  /** Slots that the parent has recalled and not received yet. */
  get owed(): number {
    return this.#control.slots.recalled - this.#recallAnswered;
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

  get execution(): number {
    return this.#control.execution;
  }

  get isAdopted(): boolean {
    return this.#control.isAdopted;
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

  /** Records a fault of a scope. Its number if the parent must get a report; undefined if it was reported or is known. */
  meet(scope: HoldScope): number | undefined {
    if (this.isHeld([scope])) return undefined;
    this.#faultsMet += 1;
    this.#own.set(scope, this.#faultsMet);
    return this.#faultsMet;
  }

  /** Lowers the window by unused slots. */
  release(slots: number): void {
    this.#released += slots;
  }

  /** Returns slots that the parent has recalled; the window is already lower by them. */
  giveBack(slots: number): void {
    this.#released += slots;
    this.#recallAnswered += slots;
  }

  /** What was returned since the shard began. */
  get given(): { readonly released: number; readonly recallAnswered: number } {
    return { released: this.#released, recallAnswered: this.#recallAnswered };
  }
}
