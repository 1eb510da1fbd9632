import type { HoldScope } from '../domain/holds.js';
import { windowSize } from '../domain/window.js';
import type { ShardControl } from './messages.js';

/** What a shard may do at present: its parent's last word, and the faults it met itself that the parent has not taken in yet. */
export class ShardHolds {
  #control: ShardControl;
  #released = 0;
  #faultsMet = 0;
  readonly #own = new Map<HoldScope, number>();

  constructor(control: ShardControl) {
    this.#control = control;
  }

  /** Takes a control in; older ones than the last change nothing. */
  take(control: ShardControl): void {
    if (control.seq <= this.#control.seq) return;
    this.#control = control;
    for (const [scope, count] of this.#own) {
      if (count <= control.faultsTaken) this.#own.delete(scope);
    }
  }

  get window(): number {
    return windowSize({ granted: this.#control.granted, released: this.#released });
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

  /** Notes a fault of a scope; its number where the parent must be told, undefined where it was told or knows. */
  meet(scope: HoldScope): number | undefined {
    if (this.isHeld([scope])) return undefined;
    this.#faultsMet += 1;
    this.#own.set(scope, this.#faultsMet);
    return this.#faultsMet;
  }

  /** Lowers the window; the slots released since the shard began. */
  release(slots: number): number {
    this.#released += slots;
    return this.#released;
  }
}
