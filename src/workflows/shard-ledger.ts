import type { ModelMode } from '../domain/holds.js';
import type { JobId } from '../domain/ids.js';
import type { GenerationRecord, RowEnd, SettledEnd, SettledRow } from '../domain/outcome.js';
import { addTallies, EMPTY_TALLY, tallyOfSettled, type Tally } from '../domain/tally.js';
import type { LeftRow, OldestRows, ProbedRow, RowView, ShardOverview, TrialEnd } from './shard-messages.js';
import { JobOwners } from './job-owners.js';
import { rowsAtFirst, type RowProgress } from './row-progress.js';
import { RowQueues, type MayCreate } from './row-queues.js';
import { RowAges } from './row-ages.js';

/** The rows of one open shard: where each is, which may start, and which have ended since the last record. */
export class ShardLedger {
  readonly #rows: readonly RowProgress[];
  readonly #queues = new RowQueues();
  readonly #jobs: JobOwners;
  readonly #recorded: Tally;
  readonly #ages = new RowAges();
  #unrecorded: SettledRow[] = [];
  #settled: Tally = EMPTY_TALLY;
  #pending = 0;
  #inFlight = 0;
  #copying = 0;
  #regenerating = 0;

  /** `left`: what a workflow run before this one knew of rows that had not ended. */
  constructor(overview: ShardOverview, left: readonly LeftRow[] = []) {
    this.#recorded = overview.recorded.tally;
    this.#rows = rowsAtFirst(overview, left);
    this.#jobs = new JobOwners(this.#rows);
    for (const [row, { phase }] of this.#rows.entries()) {
      if (phase === 'pending') this.#enqueue(row);
    }
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get copying(): number {
    return this.#copying;
  }

  /** Rows that wait for their next generation's delay to pass. */
  get regenerating(): number {
    return this.#regenerating;
  }

  /** Rows that could start now, were they allowed to. */
  get queued(): number {
    return this.#pending - this.#regenerating;
  }

  get unrecorded(): number {
    return this.#unrecorded.length;
  }

  get allSettled(): boolean {
    return this.#pending + this.#inFlight + this.#copying === 0;
  }

  /** Whether a row waits in the queue whose job is known, or one of a mode for which `mayCreate` holds. */
  canStart(mayCreate: MayCreate): boolean {
    return this.#queues.first(mayCreate) !== undefined;
  }

  /** The first such row: known jobs before others, and those in sheet order. It counts as in flight from now. */
  startNext(mayCreate: MayCreate, nowMs: number): number | undefined {
    const row = this.#queues.takeFirst(mayCreate);
    if (row === undefined) return undefined;
    this.#at(row).phase = 'inFlight';
    this.#pending -= 1;
    this.#inFlight += 1;
    this.#ages.start(row, nowMs);
    return row;
  }

  generationOf(row: number): {
    readonly generation: number;
    readonly jobId: JobId | undefined;
    readonly unansweredSinceMs: number | undefined;
    /** No create of it is to be sent before. Milliseconds since the epoch; 0 where none was asked to wait. */
    readonly notBeforeMs: number;
    readonly made: number;
    readonly mode: ModelMode;
  } {
    const { generation, jobId, unansweredSinceMs, notBeforeMs, generations, mode } = this.#at(row);
    return { generation, jobId, unansweredSinceMs, notBeforeMs, made: generations.length, mode };
  }

  /** Notes the job of the row's present generation; false, and nothing changes, where another row or generation has that job. An older generation's news changes nothing. */
  noteJob(row: number, generation: number, jobId: JobId, nowMs: number): boolean {
    const progress = this.#at(row);
    if (progress.generation !== generation || progress.jobId) return true;
    if (!this.#jobs.claim(jobId, row, generation)) return false;
    progress.jobId = jobId;
    this.#ages.noteJob(row, nowMs);
    this.#queues.pay(row, progress.mode);
    return true;
  }

  /** Notes what a probe did for a waiting row. */
  noteProbed({ row, generation, jobId, unansweredSinceMs }: ProbedRow, nowMs: number): void {
    const isTaken = jobId !== undefined && !this.noteJob(row, generation, jobId, nowMs);
    const sinceMs = unansweredSinceMs ?? (isTaken ? nowMs : undefined);
    if (this.#at(row).generation === generation) this.noteUnanswered(row, sinceMs);
  }

  /** Notes that a create of the row's present generation may have been answered by a lost answer; the first time counts. */
  noteUnanswered(row: number, sinceMs: number | undefined): void {
    this.#at(row).unansweredSinceMs ??= sinceMs;
  }

  /** Rows that wait without a job, by mode, each about in the order in which they will start. */
  get unpaid(): ReadonlyMap<ModelMode, readonly number[]> {
    return this.#queues.unpaid;
  }

  /** Notes that no create of the row is to be sent before; that stands also where it returns to the queue. */
  noteNotBefore(row: number, notBeforeMs: number): void {
    this.#at(row).notBeforeMs = notBeforeMs;
  }

  /** Back to the end of the queue, or to its beginning, with the same generation: its create was refused or held back. */
  returnToQueue(row: number, isFirst = false): void {
    this.#leave(row);
    this.#ages.end(row);
    this.#enqueue(row, isFirst);
  }

  /** Notes how a generation ended and moves the row on to the next one, which starts once `endDelay` is called. */
  regenerate(row: number, record: GenerationRecord): { readonly endDelay: () => void } {
    const progress = this.#at(row);
    this.#leave(row);
    this.#ages.end(row);
    progress.generations.push(record);
    progress.generation = record.generation + 1;
    progress.jobId = undefined;
    // An earlier run that was ended unrecorded may have made this generation as well.
    progress.unansweredSinceMs = progress.openedSinceMs;
    progress.notBeforeMs = 0;
    progress.phase = 'pending';
    this.#pending += 1;
    this.#regenerating += 1;
    let waiting = true;
    return {
      endDelay: () => {
        if (!waiting) return;
        waiting = false;
        this.#regenerating -= 1;
        // A cancel may have settled the row while it waited.
        if (progress.phase !== 'pending') return;
        this.#pending -= 1;
        this.#enqueue(row);
      },
    };
  }

  /** The job is done: its slot is free, its image not yet stored. */
  startCopying(row: number, nowMs: number): void {
    this.#leave(row);
    this.#ages.startCopying(row, nowMs);
    this.#at(row).phase = 'copying';
    this.#copying += 1;
  }

  /** Notes how a row ended; one that has an image from before keeps it where it got no new one. */
  settle(row: number, ended: RowEnd, record: GenerationRecord | undefined, nowMs: number): void {
    const progress = this.#at(row);
    this.#leave(row);
    this.#ages.end(row);
    const end: SettledEnd = progress.hasImage && ended.kind !== 'stored' ? { kind: 'kept' } : ended;
    progress.phase = 'settled';
    progress.end = end;
    if (record) progress.generations.push(record);
    const settled: SettledRow = { row, end, generations: progress.generations, settledAtMs: nowMs };
    this.#unrecorded.push(settled);
    this.#settled = addTallies(this.#settled, tallyOfSettled([settled]));
  }

  /** Settles as cancelled every row that waits without a job. */
  cancelUnpaid(nowMs: number): void {
    this.#cancelWaiting(nowMs, ({ jobId }) => jobId === undefined);
    this.#queues.clearUnpaid();
  }

  /** Settles as cancelled every row that waits; a job known from before stays on record as open. */
  cancelPending(nowMs: number): void {
    this.#cancelWaiting(nowMs, () => true);
    this.#queues.clear();
  }

  #cancelWaiting(nowMs: number, concerned: (progress: RowProgress) => boolean): void {
    for (const [row, progress] of this.#rows.entries()) {
      if (progress.phase !== 'pending' || !concerned(progress)) continue;
      this.settle(row, { kind: 'cancelled' }, this.openRecord(row), nowMs);
    }
  }

  /** The record of a generation that is left without its end being seen; undefined where nothing was ever sent. */
  openRecord(row: number): GenerationRecord | undefined {
    const { generation, jobId, unansweredSinceMs, openedSinceMs, phase } = this.#at(row);
    const opened = openedSinceMs !== undefined && { openedSinceMs };
    if (jobId && phase === 'copying') return { generation, jobId, end: 'done', charged: 'yes' };
    if (jobId) return { generation, jobId, end: 'open', charged: 'unknown', ...opened };
    if (unansweredSinceMs !== undefined)
      return { generation, end: 'unanswered', charged: 'unknown', unansweredSinceMs, ...opened };
    return undefined;
  }

  /** What is known of rows that wait, besides what is recorded. */
  left(): readonly LeftRow[] {
    return this.#rows.flatMap(
      ({ phase, generation, jobId, unansweredSinceMs, notBeforeMs, generations }, row) => {
        const isNew = generation === 1 && !jobId && unansweredSinceMs === undefined && notBeforeMs === 0;
        if (phase !== 'pending' || isNew) return [];
        const waits = notBeforeMs > 0 && { notBeforeMs };
        return [{ row, generation, jobId, unansweredSinceMs, ...waits, generations }];
      },
    );
  }

  /** What a row's generation has come to so far, for a trial that it was started for. */
  verdictOn(row: number, generation: number): TrialEnd['verdict'] {
    const progress = this.#at(row);
    if (progress.end?.kind === 'stored') return 'image';
    return progress.end?.kind === 'failed' || progress.generation > generation ? 'failure' : 'none';
  }

  takeUnrecorded(): readonly SettledRow[] {
    const taken = this.#unrecorded;
    this.#unrecorded = [];
    return taken;
  }

  tally(): Tally {
    const open: Tally = {
      ...EMPTY_TALLY,
      total: this.#pending + this.#inFlight + this.#copying,
      pending: this.#pending,
      inFlight: this.#inFlight,
      copying: this.#copying,
    };
    return addTallies(addTallies(this.#recorded, this.#settled), open);
  }

  /** When the job of a started row was made; for one that was made before, when the row was started. */
  jobByMs(row: number): number {
    return this.#ages.jobByMs(row) ?? 0;
  }

  view(row: number): RowView | undefined {
    const progress = this.#rows[row];
    if (!progress || progress.phase === 'recorded') return undefined;
    const { phase, generation, jobId, generations, end } = progress;
    const sinceMs = this.#ages.sinceMs(row);
    const since = sinceMs !== undefined && { sinceMs };
    return { phase, generation, generations, ...since, ...(jobId && { jobId }), ...(end && { end }) };
  }

  /** The started rows that are longest at their step, at most `count`, and how long the last jobs took. */
  oldest(count: number): OldestRows {
    const rows = this.#ages.oldest(count).flatMap(({ row, sinceMs }) => {
      const { phase, generation, jobId } = this.#at(row);
      if (phase !== 'inFlight' && phase !== 'copying') return [];
      return [{ row, phase, sinceMs, generation, ...(jobId && { jobId }) }];
    });
    return { rows, durationsMs: this.#ages.durationsMs };
  }

  #enqueue(row: number, isFirst = false): void {
    const progress = this.#at(row);
    progress.phase = 'pending';
    this.#pending += 1;
    this.#queues.add(row, { mode: progress.mode, isPaid: progress.jobId !== undefined, isFirst });
  }

  #leave(row: number): void {
    const progress = this.#at(row);
    switch (progress.phase) {
      case 'pending':
        this.#pending -= 1;
        break;
      case 'inFlight':
        this.#inFlight -= 1;
        break;
      case 'copying':
        this.#copying -= 1;
        break;
      case 'settled':
      case 'recorded':
        throw new Error(`Row ${row} has ended already and cannot move.`);
    }
  }

  #at(row: number): RowProgress {
    const progress = this.#rows[row];
    if (!progress) throw new Error(`The shard has no row ${row}; it has ${this.#rows.length}.`);
    return progress;
  }
}
