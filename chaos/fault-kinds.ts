/** A group of faults: faults of one group follow each other, those of different groups may overlap. */
interface Group<Kind extends string> {
  /** From the end of one fault to the start of the next, uniformly distributed. Seconds. */
  readonly gapSeconds: readonly [number, number];
  /** The relative frequency of each kind. */
  readonly kinds: Readonly<Record<Kind, number>>;
}

function lane<Kind extends string>(
  gapSeconds: readonly [number, number],
  kinds: Readonly<Record<Kind, number>>,
): Group<Kind> {
  return { gapSeconds, kinds };
}

/** All faults, grouped by what they affect. */
export const FAULT_GROUPS = {
  workers: lane([8, 30], {
    'worker-killed': 4,
    'worker-stopped': 2,
    'all-workers-killed': 2,
    'clock-ahead': 1,
    'clock-behind': 1,
  }),
  temporal: lane([45, 120], {
    'temporal-killed': 2,
    'temporal-restored': 1,
    'temporal-restored-under-workers': 1,
  }),
  s3: lane([12, 45], {
    's3-killed': 3,
    's3-hung': 2,
    's3-busy': 2,
    's3-slow': 1,
    's3-dropped': 2,
    's3-denied': 2,
    's3-images-denied': 1,
    's3-parts-denied': 1,
  }),
  api: lane([12, 45], {
    'api-paused': 1,
    'api-html': 2,
    'api-dropped': 2,
    'create-answers-lost': 3,
    'too-many-requests': 2,
    'jobs-fail': 1,
    'jobs-missing': 2,
  }),
  account: lane([30, 90], { 'key-revoked': 1, 'out-of-funds': 1, 'model-paused': 1 }),
  images: lane([20, 70], {
    'images-down': 1,
    'images-dropped': 1,
    'images-truncated': 1,
    'images-expired': 1,
  }),
  batches: lane([4, 16], {
    paused: 3,
    'concurrency-changed': 3,
    'shard-terminated': 2,
    'shard-reset': 2,
    'batch-reset': 3,
    'batch-cancelled': 1,
    'batch-terminated': 1,
  }),
} as const;

export type GroupName = keyof typeof FAULT_GROUPS;

export const GROUP_NAMES: readonly GroupName[] = Object.keys(FAULT_GROUPS).filter(
  (name): name is GroupName => name in FAULT_GROUPS,
);

type KindOf<L> = L extends Group<infer Kind> ? Kind : never;

/** What goes wrong. */
export type FaultKind = KindOf<(typeof FAULT_GROUPS)[GroupName]>;

/** How long a fault may last. Seconds. */
type Length = readonly [least: number, most: number];

const USUAL_LENGTH: Length = [1, 20];

/** Exceptions: jobs are missing for as long as a service may forget them, a database is older by 30 s. */
const LENGTHS: Readonly<Partial<Record<FaultKind, Length>>> = {
  'jobs-missing': [20, 90],
  'temporal-restored': [30, 30],
  'temporal-restored-under-workers': [30, 30],
};

/** The shortest and longest duration of a fault of this kind, unless it is momentary. */
export function lengthOf(kind: FaultKind): Length {
  return LENGTHS[kind] ?? USUAL_LENGTH;
}

/** Momentary faults; the others last until they are ended. */
const MOMENTARY: ReadonlySet<FaultKind> = new Set([
  'concurrency-changed',
  'shard-terminated',
  'shard-reset',
  'batch-reset',
  'batch-cancelled',
  'batch-terminated',
]);

/** Whether a fault of this kind is over as soon as it has happened. */
export function isMomentary(kind: FaultKind): boolean {
  return MOMENTARY.has(kind);
}
