import type { SameBytes } from '../domain/images/same-bytes.js';
import { type SealedCounts, addsUp } from '../domain/batch/tally.js';
import { FAILURE_KINDS } from '../domain/rows/failure-kind.js';
import type { Report } from '../ledger/documents.js';
import type { Difference } from '../ledger/audit/difference.js';

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

/** Where the numbers of a report are not what its outcomes add up to. */
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
