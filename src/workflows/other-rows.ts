import type { ModelMode } from '../domain/holds.js';
import type { FaultStep } from '../domain/row-faults.js';
import type { RowProgress } from './row-progress.js';
import type { ProbeCandidate, RowNeed } from './shard-messages.js';

/** Jobs that are named at most: of several one is answered sooner. */
const JOBS_NAMED = 5;

/** What choosing other rows needs of a shard. */
export interface ChoosableRows {
  readonly shard: number;
  readonly rows: readonly Readonly<RowProgress>[];
  /** Rows that wait without a job, by mode, about in the order of the sheet. */
  readonly unpaid: ReadonlyMap<ModelMode, readonly number[]>;
  /** Most rows that may be named for a create: the price of each is reserved. */
  readonly mostCreates: number;
  /** Reserves a row's price for a probe's create; false where nothing covers it. */
  readonly reserve: (row: number) => boolean;
  /** A create of a job that was made before is not repeated. Milliseconds since the epoch. */
  readonly replayFromMs: number;
}

/** Rows other than `except` by which a probe can see whether a step goes through, or whether the service knows a job that was made no earlier. */
export function otherRows(
  shard: ChoosableRows,
  need: RowNeed,
  except: number | undefined,
): readonly ProbeCandidate[] {
  if (need.kind === 'witness') {
    const witnesses = witnessRows(shard, need.madeFromMs, except);
    return witnesses.length > 0 ? witnesses : createsOf(shard, [...shard.unpaid.keys()], except);
  }
  const { step } = need;
  switch (step) {
    case 'job':
      return jobsOf(shard, except, ({ fault, missing }) => !missing && fault?.step !== 'job');
    case 'image':
      return jobsOf(shard, except, ({ wasDone, fault, missing }) => wasDone && !missing && !fault);
    default: {
      const mode = modeOfStep(step);
      const creates = createsOf(shard, [mode], except);
      return creates.length > 0 ? creates : replaysOf(shard, mode, except);
    }
  }
}

/** Rows whose jobs were made no earlier than that, newest first. */
export function witnessRows(
  shard: Pick<ChoosableRows, 'shard' | 'rows'>,
  madeFromMs: number,
  except: number | undefined,
): readonly ProbeCandidate[] {
  return jobsOf(shard, except, ({ missing, jobMadeMs }) => !missing && (jobMadeMs ?? -1) >= madeFromMs);
}

function modeOfStep(step: Exclude<FaultStep, 'job' | 'image'>): ModelMode {
  const mode = step.slice('create:'.length);
  // The cast only says what the type of the step does.
  return mode as ModelMode;
}

/** Their first row, and some spread over the queue: neighbours in a sheet are often alike. */
function createsOf(
  { shard, rows, unpaid, mostCreates, reserve }: ChoosableRows,
  modes: readonly ModelMode[],
  except: number | undefined,
): readonly ProbeCandidate[] {
  const queued = modes.flatMap((mode) => unpaid.get(mode) ?? []);
  const sound = queued.filter((row) => row !== except && !rows[row]?.fault);
  const stride = Math.max(1, Math.floor(sound.length / mostCreates));
  const spread = sound.filter((_, index) => index % stride === 0);
  return spread
    .slice(0, mostCreates)
    .filter(reserve)
    .flatMap((row) => candidateOf(shard, row, rows[row]) ?? []);
}

function replaysOf(
  { shard, rows, replayFromMs }: ChoosableRows,
  mode: ModelMode,
  except: number | undefined,
): readonly ProbeCandidate[] {
  const made = jobsOf({ shard, rows }, except, (row) => {
    const isOwn = row.unansweredSinceMs === undefined && (row.jobMadeMs ?? -1) >= replayFromMs;
    return row.mode === mode && isOwn && !row.missing;
  });
  return made.map((candidate) => ({ ...candidate, isReplay: true }));
}

/** The newest first. */
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
