import type { ModelMode } from '../../../domain/batch/holds.js';
import type { FaultStep } from '../../../domain/batch/row-faults.js';
import type { RowProgress } from '../row-progress.js';
import type { ProbeCandidate, RowNeed } from '../../protocol/shard-messages.js';

/** Maximum of named jobs: with several, one is answered sooner. */
const JOBS_NAMED = 5;

/** At most this many doubtful rows are named: a probe uses them in turn. */
const DOUBTFUL_NAMED = 20;

/** What the choice of other rows needs from a shard. */
export interface ChoosableRows {
  readonly shard: number;
  readonly rows: readonly Readonly<RowProgress>[];
  /** Maximum of rows that may be named for a create: the price of each is reserved. */
  readonly mostCreates: number;
  /** Reserves a row's price for a probe's create; false if the lease does not cover it. */
  readonly reserve: (row: number) => boolean;
}

/** Rows other than `except` that show whether a step succeeds, or whether the service knows a job made no earlier. */
export function otherRows(
  shard: ChoosableRows,
  need: RowNeed,
  except: number | undefined,
): readonly ProbeCandidate[] {
  if (need.kind === 'witness') {
    const witnesses = witnessRows(shard, need.madeFromMs, except);
    return witnesses.length > 0 ? witnesses : createsOf(shard, undefined, except);
  }
  const { step } = need;
  switch (step) {
    case 'job': {
      const jobs = jobsOf(shard, except, ({ fault, missing }) => !missing && fault?.step !== 'job');
      return jobs.length > 0 ? jobs : createsOf(shard, undefined, except);
    }
    case 'image': {
      const done = jobsOf(shard, except, ({ wasDone, fault, missing }) => wasDone && !missing && !fault);
      if (done.length > 0) return done;
      const jobs = jobsOf(shard, except, ({ fault, missing }) => !missing && !fault);
      return jobs.length > 0 ? jobs : createsOf(shard, undefined, except);
    }
    default:
      return createsOf(shard, modeOfStep(step), except);
  }
}

/** Rows with jobs made no earlier than that, newest first. */
export function witnessRows(
  shard: Pick<ChoosableRows, 'shard' | 'rows'>,
  madeFromMs: number,
  except: number | undefined,
): readonly ProbeCandidate[] {
  return jobsOf(shard, except, ({ missing, jobMadeMs }) => !missing && (jobMadeMs ?? -1) >= madeFromMs);
}

function modeOfStep(step: Exclude<FaultStep, 'job' | 'image'>): ModelMode {
  const mode = step.slice('create:'.length);
  // The cast repeats the type of the step.
  return mode as ModelMode;
}

/** Rows that wait for their create, of one mode or any: the first, and some spread over the rest, since neighbours in a sheet are often similar. */
function createsOf(
  { shard, rows, mostCreates, reserve }: ChoosableRows,
  mode: ModelMode | undefined,
  except: number | undefined,
  isDoubtful = false,
): readonly ProbeCandidate[] {
  const waiting = rows.flatMap((progress, row) => {
    const { phase, jobId, fault, unansweredSinceMs } = progress;
    const isSound = !fault && unansweredSinceMs === undefined;
    const waits = phase === 'pending' && !jobId && isSound !== isDoubtful && row !== except;
    return waits && (mode === undefined || progress.mode === mode) ? [row] : [];
  });
  const stride = Math.max(1, Math.floor(waiting.length / mostCreates));
  return waiting
    .filter((_, index) => index % stride === 0)
    .slice(0, mostCreates)
    .filter(reserve)
    .flatMap((row) => candidateOf(shard, row, rows[row]) ?? []);
}

/**
 * Rows that wait for their create and have failed at it, or may have been answered unseen. After an outage only such rows
 * may be left, of which one may fail by itself: a probe that uses all of them in turn is not stopped by that one.
 */
export function doubtfulRows(shard: ChoosableRows, need: RowNeed): readonly ProbeCandidate[] {
  if (need.kind !== 'step') return [];
  const { step } = need;
  const isCreate = step !== 'job' && step !== 'image';
  const all = { ...shard, mostCreates: DOUBTFUL_NAMED };
  const rows = createsOf(all, isCreate ? modeOfStep(step) : undefined, undefined, true);
  return rows.map((row) => ({ ...row, isDoubtful: true }));
}

/**
 * Jobs whose creates can be repeated with the same key, to see whether creates succeed when no other row waits for
 * one. That proves less than another row's create: a service may return a known job although it cannot make new ones.
 */
export function replays(
  { shard, rows }: Pick<ChoosableRows, 'shard' | 'rows'>,
  replayFromMs: number,
  need: RowNeed,
): readonly ProbeCandidate[] {
  if (need.kind !== 'step' || need.step === 'job' || need.step === 'image') return [];
  const mode = modeOfStep(need.step);
  const made = jobsOf({ shard, rows }, undefined, (row) => {
    const firstSentMs = Math.min(row.unansweredSinceMs ?? Infinity, row.jobMadeMs ?? -1);
    return row.mode === mode && firstSentMs >= replayFromMs && !row.missing;
  });
  return made.map((candidate) => ({ ...candidate, isReplay: true }));
}

/** Rows without a job, except those for which `isRowsOwn` says that only they fail. */
export function leftToBuy(
  rows: readonly Readonly<RowProgress>[],
  isRowsOwn: (row: Readonly<RowProgress>) => boolean,
): number {
  return rows.filter(
    (row) => !row.jobId && (row.phase === 'pending' || row.phase === 'inFlight') && !isRowsOwn(row),
  ).length;
}

/** Rows that have not ended, except those for which `isRowsOwn` says that only they fail. */
export function leftUnfinished(
  rows: readonly Readonly<RowProgress>[],
  isRowsOwn: (row: Readonly<RowProgress>) => boolean,
): number {
  return rows.filter((row) => row.phase !== 'settled' && row.phase !== 'recorded' && !isRowsOwn(row)).length;
}

/** Newest first. */
function jobsOf(
  { shard, rows }: Pick<ChoosableRows, 'shard' | 'rows'>,
  except: number | undefined,
  fits: (row: Readonly<RowProgress>) => boolean,
): readonly ProbeCandidate[] {
  return rows
    .flatMap((progress, row) =>
      row !== except && progress.jobId && fits(progress) ? [{ progress, row }] : [],
    )
    .toSorted((a, b) => (b.progress.jobMadeMs ?? -1) - (a.progress.jobMadeMs ?? -1))
    .slice(0, JOBS_NAMED)
    .flatMap(({ progress, row }) => candidateOf(shard, row, progress) ?? []);
}

function candidateOf(
  shard: number,
  row: number,
  progress: Readonly<RowProgress> | undefined,
): ProbeCandidate | undefined {
  if (!progress) return undefined;
  const { generation, jobId, jobMadeMs, unansweredSinceMs } = progress;
  return {
    shard,
    row,
    generation,
    ...(jobId && { jobId }),
    ...(jobId && jobMadeMs !== undefined && { madeMs: jobMadeMs }),
    ...(!jobId && unansweredSinceMs !== undefined && { unansweredSinceMs }),
  };
}
