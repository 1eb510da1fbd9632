import type { MisbehaviourName } from '../../sandbox/misbehaviour-names.js';
import { chance } from './seeded-chance.js';

/**
 * Decides when to misbehave. Requests of one kind are numbered as they come, so a seed gives the same
 * decisions for the same order of requests; jobs are decided by who they are, whatever the order.
 */
export class Misbehaviour {
  readonly #seed: string;
  readonly #rateOf: (name: MisbehaviourName) => number;
  readonly #asked = new Map<string, number>();
  readonly #next = new Map<MisbehaviourName, number>();
  readonly #played = new Map<MisbehaviourName, number>();

  constructor(seed: string, rateOf: (name: MisbehaviourName) => number) {
    this.#seed = seed;
    this.#rateOf = rateOf;
  }

  /** Plays `name` at each of its next `count` occasions, whatever its rate. */
  order(name: MisbehaviourName, count: number): void {
    this.#next.set(name, count);
  }

  /** Whether `name` happens to this request, or to the thing called `subject`; counted where it does. */
  plays(name: MisbehaviourName, subject?: string): boolean {
    const ordered = this.#next.get(name) ?? 0;
    if (ordered > 0) this.#next.set(name, ordered - 1);
    const rate = this.#rateOf(name);
    const happens =
      ordered > 0 ||
      (rate > 0 && (subject === undefined ? this.share(name) : this.#of(name, subject)) < rate);
    if (happens) this.#played.set(name, (this.#played.get(name) ?? 0) + 1);
    return happens;
  }

  /** A fresh seeded number from 0 up to 1 of the sequence called `name`. */
  share(name: string): number {
    const count = (this.#asked.get(name) ?? 0) + 1;
    this.#asked.set(name, count);
    return chance(this.#seed, name, count);
  }

  #of(name: string, subject: string): number {
    return chance(this.#seed, name, subject);
  }

  /** How often each was played since the start. */
  played(): Readonly<Partial<Record<MisbehaviourName, number>>> {
    return Object.fromEntries(this.#played);
  }
}
