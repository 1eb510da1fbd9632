import { type SealedCounts, addsUp } from '../../domain/batch/tally.js';
import type { SameBytes } from '../../domain/images/same-bytes.js';
import { FAILURE_KINDS } from '../../domain/rows/failure-kind.js';
import type { Report } from '../documents.js';

/** What `verify` finds wrong, by kind. */
const DIFFERENCE_KINDS = [
  /** A file or shard of rows that the seal needs is missing. */
  'missing-file',
  /** A file differs from the sealed one by its sha256. */
  'changed-file',
  /** A file or line that no version of this program writes. */
  'unreadable',
  /** The report has no digest of a file that every seal covers. */
  'missing-digest',
  /** A field of one document contradicts another. */
  'wrong-field',
  /** A number of the report differs from the outcomes' total. */
  'wrong-count',
  /** A row id or an image key occurs twice among the outcomes. */
  'repeated-row',
  /** A stored row's line in metadata.jsonl is missing or different, or a line names no stored row. */
  'missing-metadata',
  'changed-metadata',
  'extra-metadata',
  /** The same for rows without an image and failures.csv. */
  'missing-failure',
  'changed-failure',
  'extra-failure',
  /** A stored row's image is missing. */
  'missing-image',
  /** A stored row's image has a different size or different bytes. */
  'changed-image',
  /** A stored row's image exists, but the bucket does not return it. */
  'unreadable-image',
  /** The metadata of the object under a stored row's key name another image. */
  'wrong-identity',
  /** An image of this program that no stored row names: of a removed row, or replaced by one of another type. */
  'orphan-image',
  /** A file of an earlier contact sheet, or an earlier list of similar images. */
  'stale-page',
  /** An image of a row that is sealed as having none: the next run adopts it, free of charge. */
  'unclaimed-image',
  /** An object unknown to this program. */
  'foreign-object',
] as const;
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number];

/** One difference between the bucket and the seal. Which of the last fields are set depends on the kind. */
export interface Difference {
  readonly kind: DifferenceKind;
  /** The key of the object, below the batch. */
  readonly key: string;
  readonly rowId?: string;
  /** 1-based line of the object. */
  readonly line?: number;
  /** The field of a document, such as `tally.stored`. */
  readonly field?: string;
  readonly expected?: string | number;
  readonly found?: string | number;
}

/** Whether `prune` deletes it. */
export function isPrunable({ kind }: Pick<Difference, 'kind'>): boolean {
  return kind === 'orphan-image' || kind === 'stale-page';
}

/** Collects differences: all are counted by kind, and the first this many are kept. */
export class Differences {
  readonly #kept: Difference[] = [];
  readonly #limit: number;
  readonly #byKind = new Map<DifferenceKind, number>();
  #total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get total(): number {
    return this.#total;
  }

  get kept(): readonly Difference[] {
    return this.#kept;
  }

  get byKind(): Readonly<Partial<Record<DifferenceKind, number>>> {
    return Object.fromEntries(this.#byKind);
  }

  add(...differences: readonly Difference[]): void {
    for (const difference of differences) {
      this.#total += 1;
      this.#byKind.set(difference.kind, (this.#byKind.get(difference.kind) ?? 0) + 1);
      if (this.#kept.length < this.#limit) this.#kept.push(difference);
    }
  }
}

const KEY = 'report.json';
const ROW_COUNTS = [
  'total',
  'pending',
  'inFlight',
  'copying',
  'stored',
  'failed',
  'rejected',
  'cancelled',
  'generations',
] as const;

/** Differences between the numbers of a report and its outcomes' totals. */
export function countDifferences(
  report: Pick<Report, 'tally' | 'charged' | 'sameBytes'>,
  counted: Pick<SealedCounts, 'tally' | 'charged'>,
  sameBytes: SameBytes,
): readonly Difference[] {
  const { tally, charged } = report;
  const numbers: (readonly [field: string, expected: number, found: number])[] = [
    ...ROW_COUNTS.map((name) => [`tally.${name}`, counted.tally[name], tally[name]] as const),
    ...FAILURE_KINDS.map(
      (kind) =>
        [
          `tally.failuresByKind.${kind}`,
          counted.tally.failuresByKind[kind] ?? 0,
          tally.failuresByKind[kind] ?? 0,
        ] as const,
    ),
    ...(['yes', 'no', 'unknown'] as const).map(
      (answer) => [`charged.${answer}`, counted.charged[answer], charged[answer]] as const,
    ),
  ];
  if (report.sameBytes) numbers.push(['sameBytes.images', sameBytes.images, report.sameBytes.images]);
  const wrong = numbers
    .filter(([, expected, found]) => expected !== found)
    .map(([field, expected, found]): Difference => ({
      kind: 'wrong-count',
      key: KEY,
      field,
      expected,
      found,
    }));
  const { total, ...parts } = tally;
  const sum = parts.pending + parts.inFlight + parts.copying + parts.stored;
  const whole = sum + parts.failed + parts.rejected + parts.cancelled;
  return addsUp(tally)
    ? wrong
    : [...wrong, { kind: 'wrong-count', key: KEY, field: 'tally (its sum)', expected: whole, found: total }];
}
