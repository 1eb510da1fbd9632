/** What a lane does: faults of one lane follow each other, those of different lanes overlap as they like. */
interface Lane<Kind extends string> {
  /** From the end of one fault to the start of the next, evenly between the two. Seconds. */
  readonly gapSeconds: readonly [number, number];
  /** How often each kind comes, in proportion. */
  readonly kinds: Readonly<Record<Kind, number>>;
}

function lane<Kind extends string>(
  gapSeconds: readonly [number, number],
  kinds: Readonly<Record<Kind, number>>,
): Lane<Kind> {
  return { gapSeconds, kinds };
}

/** All faults, in the lane of what they concern. */
export const LANES = {
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

export type LaneName = keyof typeof LANES;

export const LANE_NAMES: readonly LaneName[] = Object.keys(LANES).filter(
  (name): name is LaneName => name in LANES,
);

type KindOf<L> = L extends Lane<infer Kind> ? Kind : never;

/** What goes wrong. */
export type FaultKind = KindOf<(typeof LANES)[LaneName]>;

/** How long a fault may last. Seconds. */
type Length = readonly [least: number, most: number];

const USUAL_LENGTH: Length = [1, 20];

/** Those that last otherwise: jobs are missed for as long as a service may forget them, a database is older by 30 s. */
const LENGTHS: Readonly<Partial<Record<FaultKind, Length>>> = {
  'jobs-missing': [20, 90],
  'temporal-restored': [30, 30],
  'temporal-restored-under-workers': [30, 30],
};

/** The shortest and the longest time for which a fault of this kind lasts, where it is not momentary. */
export function lengthOf(kind: FaultKind): Length {
  return LENGTHS[kind] ?? USUAL_LENGTH;
}

/** Those that happen at a moment; the others last until they are lifted. */
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
