import type { ModelMode } from '../../domain/batch/holds.js';
import type { JobId } from '../../domain/rows/ids.js';
import type { MissingJob } from '../../domain/rows/missing-job.js';
import type { RowFault } from '../../domain/batch/row-faults.js';
import type { GenerationRecord, SettledEnd, SettledRow } from '../../domain/rows/outcome.js';
import { addTallies, EMPTY_TALLY, tallyOfSettled, type Tally } from '../../domain/batch/tally.js';
import type {
  LeftRow,
  OldestRows,
  ProbedRow,
  RowView,
  ShardOverview,
  TrialEnd,
} from '../protocol/shard-messages.js';
import { JobOwners } from './job-owners.js';
import { leftOf, openRecordOf, rowsAtFirst, type RowProgress, WITHOUT_JOB, viewOf } from './row-progress.js';
import { PhaseCounts } from './phase-counts.js';
import { RowQueues, type MayCreate } from './row-queues.js';
import { RowAges } from './row-ages.js';

/** The rows of one open shard: the progress of each, which may start, and which have ended since the last record. */
export class ShardLedger {
  readonly #rows: readonly RowProgress[];
  readonly #queues = new RowQueues();
  readonly #jobs: JobOwners;
  readonly #recorded: Tally;
  readonly #ages = new RowAges();
  #unrecorded: SettledRow[] = [];
  #settled: Tally = EMPTY_TALLY;
  readonly #counts = new PhaseCounts();

  /** `left`: what an earlier workflow run knew of unfinished rows. */
  constructor(overview: ShardOverview, left: readonly LeftRow[] = [], nowMs = 0) {
    this.#recorded = overview.recorded.tally;
    this.#rows = rowsAtFirst(overview, left, nowMs);
    this.#jobs = new JobOwners(this.#rows);
    for (const [row, { phase }] of this.#rows.entries()) {
      if (phase === 'pending') this.#enqueue(row);
    }
  }

  /** Number of rows at each step, and the pending rows that are in no queue. */
  get counts(): Readonly<Pick<PhaseCounts, 'inFlight' | 'copying' | 'away'>> {
    return this.#counts;
  }

  /** Progress of each row, in row order. */
  get rows(): readonly Readonly<RowProgress>[] {
    return this.#rows;
  }

  /** Rows that could start now if they were allowed to. */
  get queued(): number {
    return this.#counts.pending - this.#counts.away.size;
  }

  get unrecorded(): number {
    return this.#unrecorded.length;
  }

  get allSettled(): boolean {
    return this.#counts.tally.total === 0;
  }

  /** Whether a row with a known job waits, or one of a mode for which `mayCreate` holds. */
  canStart(mayCreate: MayCreate): boolean {
    return this.#queues.first(mayCreate) !== undefined;
  }

  /** The first such row: known jobs before others, these in sheet order. It counts as in flight from now. */
  startNext(mayCreate: MayCreate, nowMs: number): number | undefined {
    const row = this.#queues.takeFirst(mayCreate);
    if (row === undefined) return undefined;
    this.#leave(row);
    this.#counts.enter(this.#at(row), 'inFlight');
    this.#ages.start(row, nowMs);
    return row;
  }

  generationOf(row: number): {
    readonly generation: number;
    readonly jobId: JobId | undefined;
    readonly unansweredSinceMs: number | undefined;
    /** No create of it may be sent before this time. Milliseconds since the epoch; 0 for no limit. */
    readonly notBeforeMs: number;
    readonly made: number;
    readonly mode: ModelMode;
  } {
    const { generation, jobId, unansweredSinceMs, notBeforeMs, generations, mode } = this.#at(row);
    return { generation, jobId, unansweredSinceMs, notBeforeMs, made: generations.length, mode };
  }

  /**
   * Records the job of the row's present generation; false, without effect, if the job belongs to another row or
   * generation. Messages about an older generation have no effect.
   */
  noteJob(row: number, generation: number, jobId: JobId, nowMs: number): boolean {
    const progress = this.#at(row);
    if (progress.generation !== generation || progress.jobId) return true;
    if (!this.#jobs.claim(jobId, row, generation)) return false;
    progress.jobId = jobId;
    progress.jobMadeMs = progress.unansweredSinceMs ?? nowMs;
    progress.jobByMs = nowMs;
    if (progress.fault?.step.startsWith('create:')) progress.fault = undefined;
    this.#ages.noteJob(row, nowMs);
    this.#queues.pay(row, progress.mode);
    return true;
  }

  /** Records what a probe did for a waiting row; no effect if it is known, or the row has ended. */
  noteProbed({ row, generation, jobId, unansweredSinceMs }: ProbedRow, nowMs: number): void {
    if (this.hasEnded(row)) return;
    const isTaken = jobId !== undefined && !this.noteJob(row, generation, jobId, nowMs);
    const sinceMs = unansweredSinceMs ?? (isTaken ? nowMs : undefined);
    if (this.#at(row).generation === generation) this.noteUnanswered(row, sinceMs);
  }

  /** Records that a create of the row's present generation may have been processed although its answer was lost; the first time counts. */
  noteUnanswered(row: number, sinceMs: number | undefined): void {
    this.#at(row).unansweredSinceMs ??= sinceMs;
  }

  /** Waiting rows without a job, by mode, each roughly in starting order. */
  get unpaid(): ReadonlyMap<ModelMode, readonly number[]> {
    return this.#queues.unpaid;
  }

  /** Sets the time before which no create of the row may be sent; it stays set when the row returns to the queue. */
  noteNotBefore(row: number, notBeforeMs: number): void {
    this.#at(row).notBeforeMs = notBeforeMs;
  }

  /** Returns a row to the end or the beginning of the queue with the same generation: its create was refused or taken back. */
  returnToQueue(row: number, isFirst = false): void {
    this.#leave(row);
    this.#ages.end(row);
    this.#enqueue(row, isFirst);
  }

  /** Records how a generation ended and moves the row to the next one, which starts once `endDelay` is called. */
  regenerate(row: number, record: GenerationRecord): { readonly endDelay: () => void } {
    const progress = this.#at(row);
    this.#leave(row);
    this.#ages.end(row);
    progress.generations.push(record);
    progress.generation = record.generation + 1;
    // A run that ended unrecorded may have made this generation as well.
    progress.unansweredSinceMs = progress.openedSinceMs;
    progress.notBeforeMs = 0;
    Object.assign(progress, WITHOUT_JOB);
    return { endDelay: this.#sendAway(row, false) };
  }

  /** Takes a row out of the window and keeps all that is known of it; `comeBack` returns it to its queue, first or last. */
  setAside(row: number, isFirst = true): { readonly comeBack: () => void } {
    this.#leave(row);
    this.#ages.end(row);
    return { comeBack: this.#sendAway(row, isFirst) };
  }

  /** Calling the result returns the row to its queue, once, unless it has left meanwhile. */
  #sendAway(row: number, isFirst: boolean): () => void {
    const isStillAway = this.#counts.sendAway(this.#at(row), row);
    return () => {
      if (!isStillAway()) return;
      this.#leave(row);
      this.#enqueue(row, isFirst);
    };
  }

  /** Records the consecutive 404s of the row's job; undefined once it was found. */
  noteMissing(row: number, missing: MissingJob | undefined, unfinishedMs?: number): void {
    const progress = this.#at(row);
    progress.missing = missing;
    progress.unfinishedMs = unfinishedMs ?? progress.unfinishedMs;
  }

  /** Records the row's own last fault; undefined once it succeeded. */
  noteFault(row: number, fault: RowFault | undefined): void {
    this.#at(row).fault = fault;
  }

  /** The job is done: its slot is free, its image is not stored yet. */
  startCopying(row: number, nowMs: number): void {
    this.#leave(row);
    this.#ages.startCopying(row, nowMs);
    const progress = this.#at(row);
    this.#counts.enter(progress, 'copying');
    progress.wasDone = true;
  }

  /** Records a row's outcome. A row with an earlier image keeps that if it got no new one. */
  settle(
    row: number,
    ended: Exclude<SettledEnd, { readonly kind: 'kept' }>,
    record: GenerationRecord | undefined,
    nowMs: number,
  ): void {
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

  /** Settles as cancelled all waiting rows without a job. */
  cancelUnpaid(nowMs: number): void {
    this.#cancelWaiting(nowMs, ({ jobId }) => jobId === undefined);
    this.#queues.clearUnpaid();
  }

  /** Settles as cancelled all waiting rows; a known earlier job stays recorded as open. */
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

  /** See `openRecordOf`. */
  openRecord(row: number): GenerationRecord | undefined {
    return openRecordOf(this.#at(row));
  }

  /** What is known of waiting rows, besides what is recorded. */
  left(): readonly LeftRow[] {
    return leftOf(this.#rows);
  }

  /** The result so far of a row's generation that was started as a trial. */
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
    return addTallies(addTallies(this.#recorded, this.#settled), this.#counts.tally);
  }

  hasEnded(row: number): boolean {
    return ['settled', 'recorded'].includes(this.#at(row).phase);
  }

  view(row: number): RowView | undefined {
    const progress = this.#rows[row];
    return progress && viewOf(progress, this.#ages.sinceMs(row));
  }

  /** At most `count` started rows that are longest at their step, and the durations of the last jobs. */
  oldest(count: number): OldestRows {
    const rows = this.#ages.oldest(count).flatMap(({ row, sinceMs }) => {
      const { phase, generation, jobId } = this.#at(row);
      if (phase !== 'inFlight' && phase !== 'copying') return [];
      return [{ row, phase, sinceMs, generation, ...(jobId && { jobId }) }];
    });
    const aside = { failing: 0, missing: 0 };
    for (const { phase, away, fault, missing } of this.#counts.away.size > 0 ? this.#rows : []) {
      if (phase !== 'pending' || !away) continue;
      if (missing) aside.missing += 1;
      else if (fault) aside.failing += 1;
    }
    return { rows, durationsMs: this.#ages.durationsMs, aside };
  }

  #enqueue(row: number, isFirst = false): void {
    const progress = this.#at(row);
    this.#counts.enter(progress, 'pending');
    this.#queues.add(row, { mode: progress.mode, isPaid: progress.jobId !== undefined, isFirst });
  }

  #leave(row: number): void {
    this.#counts.leave(this.#at(row), row);
  }

  #at(row: number): RowProgress {
    const progress = this.#rows[row];
    if (!progress) throw new Error(`The shard has no row ${row}; it has ${this.#rows.length}.`);
    return progress;
  }
}
