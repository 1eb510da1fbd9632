import { chance, pick } from '../src/local/sandbox/seeded-chance.js';
import { POISONS, type Poison } from './chaos-sheet.js';
import {
  isMomentary,
  GROUP_NAMES,
  FAULT_GROUPS,
  lengthOf,
  type FaultKind,
  type GroupName,
} from './fault-kinds.js';

/** The options of a run. */
export interface ChaosOptions {
  readonly seed: string;
  /** How long faults are injected. */
  readonly minutes: number;
  /** Worker processes; default: 1 to 3, by the seed. */
  readonly workers?: number;
}

/** A batch that is submitted while faults are injected. */
export interface PlannedBatch {
  readonly atMs: number;
  readonly name: string;
  readonly rows: number;
  readonly concurrency: number;
  /** The share of rows with a marker for the sandbox in their prompt, or that the check rejects. */
  readonly markedShare: number;
  /** Makes one of its rows fail alone, whatever is tried; absent for most batches. */
  readonly poison?: Poison;
}

/** A fault: what, when, for how long. */
export interface PlannedFault {
  readonly atMs: number;
  /** Zero for momentary faults. */
  readonly forMs: number;
  readonly lane: GroupName;
  readonly kind: FaultKind;
  /** From 0 up to 1: selects the worker, batch or model to hit among those present at the time, and how hard. */
  readonly share: number;
}

/** Everything that a run does, decided before it starts. */
export interface ChaosPlan {
  readonly options: ChaosOptions;
  readonly durationMs: number;
  readonly workers: number;
  /** The rate of each temporary misbehaviour of the sandbox. */
  readonly misbehaviour: number;
  readonly batches: readonly PlannedBatch[];
  /** By their start. None lasts beyond `durationMs`; those of one group never overlap. */
  readonly faults: readonly PlannedFault[];
}

const MOST_WORKERS = 3;
const MISBEHAVIOURS = [0, 0.01, 0.03];
const POISONED_SHARE = 0.4;
/** Servers start without faults: a batch exists before the first fault. */
const FIRST_FAULT_MS = 4_000;
const LAST_START_BEFORE_END_MS = 2_000;
const BATCH_GAP_MS = [6_000, 28_000] as const;

/** The plan of a run: the same for the same options. */
export function planChaos(options: ChaosOptions): ChaosPlan {
  const { seed, minutes } = options;
  const durationMs = Math.round(minutes * 60_000);
  return {
    options,
    durationMs,
    workers: options.workers ?? 1 + Math.floor(chance(seed, 'workers') * MOST_WORKERS),
    misbehaviour: MISBEHAVIOURS[Math.floor(chance(seed, 'misbehaviour') * MISBEHAVIOURS.length)] ?? 0,
    batches: planBatches(seed, durationMs),
    faults: GROUP_NAMES.flatMap((lane) => planGroup(seed, lane, durationMs)).sort((a, b) => a.atMs - b.atMs),
  };
}

function planBatches(seed: string, durationMs: number): readonly PlannedBatch[] {
  const batches: PlannedBatch[] = [];
  for (let atMs = 0; atMs <= Math.max(0, durationMs - 10_000);) {
    const number = batches.length + 1;
    const between = (what: string, least: number, most: number): number =>
      least + Math.floor(chance(seed, 'batch', number, what) * (most - least + 1));
    const isPoisoned = chance(seed, 'batch', number, 'poisoned') < POISONED_SHARE;
    batches.push({
      atMs,
      name: `chaos-${String(number).padStart(2, '0')}`,
      rows: between('rows', 20, 150),
      concurrency: between('concurrency', 6, 40),
      markedShare: Math.max(0, between('marked', -10, 30)) / 100,
      ...(isPoisoned && { poison: pick(POISONS, chance(seed, 'batch', number, 'poison')) }),
    });
    // Two exist from the start.
    atMs += number === 1 ? 0 : between('gap', ...BATCH_GAP_MS);
  }
  return batches;
}

function planGroup(seed: string, name: GroupName, durationMs: number): readonly PlannedFault[] {
  const { gapSeconds, kinds } = FAULT_GROUPS[name];
  const [least, most] = gapSeconds;
  const faults: PlannedFault[] = [];
  let atMs = 0;
  for (;;) {
    const draw = (what: string): number => chance(seed, name, faults.length, what);
    // The first fault of a group comes anywhere within its gap, so that groups do not start together.
    const gap = faults.length === 0 ? most * draw('gap') : least + (most - least) * draw('gap');
    atMs = Math.max(FIRST_FAULT_MS, atMs + Math.round(gap * 1000));
    if (atMs > durationMs - LAST_START_BEFORE_END_MS) return faults;
    const kind = pickWeighted(kinds, draw('kind'));
    const forMs = isMomentary(kind) ? 0 : Math.min(lengthMs(kind, draw('length')), durationMs - atMs);
    faults.push({ atMs, forMs, lane: name, kind, share: draw('share') });
    atMs += forMs;
  }
}

/** Short ones are more frequent. */
function lengthMs(kind: FaultKind, share: number): number {
  const [least, most] = lengthOf(kind);
  return Math.round(1000 * (least + (most - least) * share ** 1.5));
}

function pickWeighted(weights: Readonly<Partial<Record<FaultKind, number>>>, share: number): FaultKind {
  const entries = faultKindsOf(weights);
  let left = share * entries.reduce((sum, kind) => sum + (weights[kind] ?? 0), 0);
  for (const kind of entries) {
    left -= weights[kind] ?? 0;
    if (left < 0) return kind;
  }
  throw new RangeError('There is no fault to choose from.');
}

function faultKindsOf(weights: Readonly<Partial<Record<FaultKind, number>>>): readonly FaultKind[] {
  return Object.keys(weights).filter((name): name is FaultKind => name in weights);
}
