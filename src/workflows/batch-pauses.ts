import { withoutPause, withPause, type Pause, type PauseKind } from '../domain/pause.js';

/** Why nothing more is bought: a person has said so, or the batch waits for one by itself. */
export class BatchPauses {
  readonly #onChange: () => void;
  #byPerson: boolean;
  #own: readonly Pause[];

  constructor(options: {
    readonly byPerson: boolean;
    readonly own: readonly Pause[];
    /** Called when `isPaused` or `own` has changed. */
    readonly onChange: () => void;
  }) {
    this.#byPerson = options.byPerson;
    this.#own = options.own;
    this.#onChange = options.onChange;
  }

  get isPaused(): boolean {
    return this.#byPerson || this.#own.length > 0;
  }

  get byPerson(): boolean {
    return this.#byPerson;
  }

  /** What the batch itself has paused for. */
  get own(): readonly Pause[] {
    return this.#own;
  }

  pauseByPerson(): void {
    this.#byPerson = true;
    this.#onChange();
  }

  /** Ends a person's pause, and the wait for a look at the canary. A spent budget is not mended by going on. */
  resumeByPerson(): void {
    this.#byPerson = false;
    this.#own = withoutPause(this.#own, 'canary');
    this.#onChange();
  }

  has(kind: PauseKind): boolean {
    return this.#own.some((pause) => pause.kind === kind);
  }

  /** `until`: when the caller will end it, unless a person does so before. */
  pause(kind: PauseKind, message: string, until?: string): void {
    const since = new Date().toISOString();
    this.#own = withPause(this.#own, { kind, message, since, ...(until !== undefined && { until }) });
    this.#onChange();
  }

  end(kind: PauseKind): void {
    this.#own = withoutPause(this.#own, kind);
    this.#onChange();
  }
}
