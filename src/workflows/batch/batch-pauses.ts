import { withoutPause, withPause, type Pause, type PauseKind } from '../../domain/batch/pause.js';

/** Why the batch buys nothing: a person paused it, or the batch paused itself until a person decides. */
export class BatchPauses {
  readonly #onChange: () => void;
  readonly #onShow: () => void;
  #byPerson: boolean;
  #own: readonly Pause[];
  #suspensions = 0;

  constructor(options: {
    readonly byPerson: boolean;
    readonly own: readonly Pause[];
    /** Called when `stopsBuying` has changed, or a person paused or resumed again. */
    readonly onChange: () => void;
    /** Called when only `isPaused` and `own` have changed. */
    readonly onShow: () => void;
  }) {
    this.#byPerson = options.byPerson;
    this.#own = options.own;
    this.#onChange = options.onChange;
    this.#onShow = options.onShow;
  }

  /** Whether nothing may be bought. A spent budget does not count: paid jobs continue, and leases stop the rest. */
  get stopsBuying(): boolean {
    return this.#suspensions > 0 || this.#byPerson || this.#own.some(({ kind }) => kind !== 'budget');
  }

  get isPaused(): boolean {
    return this.#byPerson || this.#own.length > 0;
  }

  get byPerson(): boolean {
    return this.#byPerson;
  }

  /** The reasons for which the batch paused itself. */
  get own(): readonly Pause[] {
    return this.#own;
  }

  /** Stops buying for a moment, without a pause that is shown; the result ends it. */
  suspend(): () => void {
    this.#suspensions += 1;
    this.#onChange();
    return () => {
      this.#suspensions -= 1;
      this.#onChange();
    };
  }

  pauseByPerson(): void {
    this.#byPerson = true;
    this.#onChange();
  }

  /** Why resuming would change nothing: only a spent budget stops the batch, and it stays spent. Undefined if resuming helps. */
  problemWithResume(holds: readonly unknown[]): string | undefined {
    if (this.stopsBuying || holds.length > 0) return undefined;
    return this.#own.find(({ kind }) => kind === 'budget')?.message;
  }

  /** Ends a person's pause, the wait for the canary's review, and that for a budget's prices. A spent budget stays spent. */
  resumeByPerson(): void {
    this.#byPerson = false;
    this.#own = withoutPause(withoutPause(this.#own, 'canary'), 'prices');
    this.#onChange();
  }

  has(kind: PauseKind): boolean {
    return this.#own.some((pause) => pause.kind === kind);
  }

  /** No effect if it is already paused with the same kind and message. `until`: when the caller will end the pause, unless a person does so before. */
  pause(kind: PauseKind, message: string, until?: string): void {
    const before = this.#own.find((pause) => pause.kind === kind);
    if (before?.message === message && before.until === until) return;
    const since = before?.since ?? new Date().toISOString();
    this.#own = withPause(this.#own, { kind, message, since, ...(until !== undefined && { until }) });
    this.#changed(kind);
  }

  end(kind: PauseKind): void {
    if (!this.#own.some((pause) => pause.kind === kind)) return;
    this.#own = withoutPause(this.#own, kind);
    this.#changed(kind);
  }

  #changed(kind: PauseKind): void {
    if (kind === 'budget') this.#onShow();
    else this.#onChange();
  }
}
