import { withoutPause, withPause, type Pause, type PauseKind } from '../../domain/batch/pause.js';

/** Why nothing more is bought: a person has said so, or the batch waits for one by itself. */
export class BatchPauses {
  readonly #onChange: () => void;
  readonly #onShow: () => void;
  #byPerson: boolean;
  #own: readonly Pause[];

  constructor(options: {
    readonly byPerson: boolean;
    readonly own: readonly Pause[];
    /** Called when `stopsBuying` has changed, or a person has said so again. */
    readonly onChange: () => void;
    /** Called when nothing but `isPaused` and `own` has changed. */
    readonly onShow: () => void;
  }) {
    this.#byPerson = options.byPerson;
    this.#own = options.own;
    this.#onChange = options.onChange;
    this.#onShow = options.onShow;
  }

  /** Whether nothing may be bought. A spent budget does not stop what is paid for, and has other ways to stop the rest. */
  get stopsBuying(): boolean {
    return this.#byPerson || this.#own.some(({ kind }) => kind !== 'budget');
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

  /** Why continuing would change nothing: only a spent budget keeps the batch, and it stays spent. Undefined where it would. */
  problemWithResume(holds: readonly unknown[]): string | undefined {
    if (this.stopsBuying || holds.length > 0) return undefined;
    return this.#own.find(({ kind }) => kind === 'budget')?.message;
  }

  /** Ends a person's pause, and the wait for a look at the canary. A spent budget is not fixed by continuing. */
  resumeByPerson(): void {
    this.#byPerson = false;
    this.#own = withoutPause(this.#own, 'canary');
    this.#onChange();
  }

  has(kind: PauseKind): boolean {
    return this.#own.some((pause) => pause.kind === kind);
  }

  /** Changes nothing where it has paused for the same with the same words. `until`: when the caller will end it, unless a person does so before. */
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
