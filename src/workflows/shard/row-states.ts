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

/** The rows of one open shard: where each is, which may start, and which have ended since the last record. */
export class ShardLedger {
  readonly #rows: readonly RowProgress[];
  readonly #queues = new RowQueues();
  readonly #jobs: JobOwners;
  readonly #recorded: Tally;
  readonly #ages = new RowAges();
  #unrecorded: SettledRow[] = [];
  #settled: Tally = EMPTY_TALLY;
  readonly #counts = new PhaseCounts();

  /** `left`: what a workflow run before this one knew of rows that had not ended. */
  constructor(overview: ShardOverview, left: readonly LeftRow[] = [], nowMs = 0) {
    this.#recorded = overview.recorded.tally;
    this.#rows = rowsAtFirst(overview, left, nowMs);
    this.#jobs = new JobOwners(this.#rows);
    for (const [row, { phase }] of this.#rows.entries()) {
      if (phase === 'pending') this.#enqueue(row);
    }
  }

  /** Rows at each step. */
  get counts(): Readonly<Pick<PhaseCounts, 'inFlight' | 'copying' | 'away'>> {
    return this.#counts;
  }

  /** Where each row is, in row order. */
  get rows(): readonly Readonly<RowProgress>[] {
    return this.#rows;
  }

  /** Rows that could start now, were they allowed to. */
  get queued(): number {
    return this.#counts.pending - this.#counts.away;
  }

  get unrecorded(): number {
    return this.#unrecorded.length;
  }

  get allSettled(): boolean {
    return this.#counts.tally.total === 0;
  }

  /** Whether a row waits in the queue whose job is known, or one of a mode for which `mayCreate` holds. */
  canStart(mayCreate: MayCreate): boolean {
    return this.#queues.first(mayCreate) !== undefined;
  }

  /** The first such row: known jobs before others, and those in sheet order. It counts as in flight from now. */
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
    progress.jobMadeMs = progress.unansweredSinceMs ?? nowMs;
    progress.jobByMs = nowMs;
    if (progress.fault?.step.startsWith('create:')) progress.fault = undefined;
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
    // An earlier run that was ended unrecorded may have made this generation as well.
    progress.unansweredSinceMs = progress.openedSinceMs;
    progress.notBeforeMs = 0;
    Object.assign(progress, WITHOUT_JOB);
    return { endDelay: this.#sendAway(row, false) };
  }

  /** Takes a row out of the window with all that is known of it; `comeBack` puts it into its queue, first or last. */
  setAside(row: number, isFirst = true): { readonly comeBack: () => void } {
    this.#leave(row);
    this.#ages.end(row);
    return { comeBack: this.#sendAway(row, isFirst) };
  }

  /** What is returned puts the row into its queue, once, unless it has left meanwhile. */
  #sendAway(row: number, isFirst: boolean): () => void {
    const isStillAway = this.#counts.sendAway(this.#at(row));
    return () => {
      if (!isStillAway()) return;
      this.#leave(row);
      this.#enqueue(row, isFirst);
    };
  }

  /** Notes how often in a row the row's job was not found; undefined once it was. */
  noteMissing(row: number, missing: MissingJob | undefined, unfinishedMs?: number): void {
    const progress = this.#at(row);
    progress.missing = missing;
    progress.unfinishedMs = unfinishedMs ?? progress.unfinishedMs;
  }

  /** Notes how the row itself has failed last; undefined once it got through. */
  noteFault(row: number, fault: RowFault | undefined): void {
    this.#at(row).fault = fault;
  }

  /** The job is done: its slot is free, its image not yet stored. */
  startCopying(row: number, nowMs: number): void {
    this.#leave(row);
    this.#ages.startCopying(row, nowMs);
    const progress = this.#at(row);
    this.#counts.enter(progress, 'copying');
    progress.wasDone = true;
  }

  /** Notes how a row ended; one that has an image from before keeps it where it got no new one. */
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
    return openRecordOf(this.#at(row));
  }

  /** What is known of rows that wait, besides what is recorded. */
  left(): readonly LeftRow[] {
    return leftOf(this.#rows);
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
    return addTallies(addTallies(this.#recorded, this.#settled), this.#counts.tally);
  }

  hasEnded(row: number): boolean {
    return ['settled', 'recorded'].includes(this.#at(row).phase);
  }

  view(row: number): RowView | undefined {
    const progress = this.#rows[row];
    return progress && viewOf(progress, this.#ages.sinceMs(row));
  }

  /** The started rows that are longest at their step, at most `count`, and how long the last jobs took. */
  oldest(count: number): OldestRows {
    const rows = this.#ages.oldest(count).flatMap(({ row, sinceMs }) => {
      const { phase, generation, jobId } = this.#at(row);
      if (phase !== 'inFlight' && phase !== 'copying') return [];
      return [{ row, phase, sinceMs, generation, ...(jobId && { jobId }) }];
    });
    const aside = { failing: 0, missing: 0 };
    for (const { phase, away, fault, missing } of this.#counts.away > 0 ? this.#rows : []) {
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
