import prettyBytes from 'pretty-bytes';
import type { Difference, DifferenceKind, Differences } from '../../ledger/audit/difference.js';
import type { Checked, VerifyProgress } from '../../ledger/audit/verify-batch.js';
import type { SameBytes } from '../../domain/images/same-bytes.js';
import { counted } from '../../domain/text/full-stop.js';
import { oneLine, renderTable, type TableColumn, type TableOptions } from '../terminal/table.js';

/** The output of `verify --json`; scripts rely on it. */
export interface Verification {
  readonly batchId: string;
  /** The sealed run; undefined if report.json is unreadable. */
  readonly runSeq: number | undefined;
  readonly sealedAt: string | undefined;
  /** The newest requested run; if later than `runSeq`, it has no seal yet. */
  readonly newestRunSeq: number | undefined;
  readonly deep: boolean;
  readonly checked: Checked | undefined;
  readonly ok: boolean;
  /** Of all kinds together, including unlisted ones. */
  readonly differenceCount: number;
  readonly differencesByKind: Differences['byKind'];
  readonly differences: Differences['kept'];
  /** Reported, but no difference. */
  readonly sameBytes: SameBytes | undefined;
  /** `s3://bucket/prefix/batch/` */
  readonly location: string;
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'DIFFERENCE' },
  { title: 'WHERE', shrinks: true },
  { title: 'ROW', shrinks: true },
  { title: 'EXPECTED', shrinks: true },
  { title: 'FOUND', shrinks: true },
];

/** Differences as a table. */
export function differenceTable(differences: readonly Difference[], options: TableOptions): string {
  const rows = differences.map(({ kind, key, line, field, rowId, expected, found }) => [
    kind,
    [key, ...(line === undefined ? [] : [`line ${line}`]), ...(field === undefined ? [] : [field])].join(' '),
    rowId ?? '',
    String(expected ?? ''),
    String(found ?? ''),
  ]);
  return renderTable(COLUMNS, rows, options);
}

/** The result of a verification on one line. */
export function summaryText(verification: Verification): string {
  const { batchId, runSeq, deep, checked, differenceCount, differencesByKind } = verification;
  const kinds = Object.entries(differencesByKind).map(([kind, count]) => `${count} ${kind}`);
  const verdict =
    differenceCount === 0
      ? 'no difference'
      : `${counted(differenceCount, 'difference')} (${kinds.join(', ')})`;
  if (!checked) return `${batchId}: ${verdict}.`;
  const images = deep
    ? `${counted(checked.images, 'image')} (${prettyBytes(checked.imageBytes)} read)`
    : `${counted(checked.images, 'image')} (sizes and identities; --deep reads their bytes)`;
  const checkedParts = [counted(checked.files, 'file'), counted(checked.rows, 'row'), images];
  if (checked.objects > 0) checkedParts.push(counted(checked.objects, 'object'));
  return `${batchId} run ${runSeq}: ${checkedParts.join(', ')}: ${verdict}.`;
}

/** What is being checked, as progress for users. */
export function progressText(batchId: string, now: VerifyProgress, differences: number): string {
  const { what, done, total } = now;
  const count = total === undefined ? `${done} ${what}` : `${done}/${total} ${what}`;
  const found = differences === 0 ? '' : ` · ${counted(differences, 'difference')} so far`;
  return `Verifying ${oneLine(batchId)}: ${count}${found}`;
}

const STEPS: readonly { readonly kinds: readonly DifferenceKind[]; readonly step: (id: string) => string }[] =
  [
    {
      kinds: ['missing-image', 'changed-image', 'unreadable-image', 'wrong-identity'],
      step: (id) => `To buy lost, changed or unreadable images again: banana-batch redo ${id} --rows ROW`,
    },
    {
      kinds: ['wrong-identity'],
      step: () =>
        'Images with "no identity" were copied without their metadata, as "cp -r" copies .banana-batch: copy them again with "cp -a" (or "rsync -aX"); nothing needs to be bought.',
    },
    {
      kinds: ['unclaimed-image'],
      step: (id) =>
        `To use images of rows that ended without an image, free of charge: banana-batch retry ${id}`,
    },
    {
      kinds: ['orphan-image', 'stale-page'],
      step: (id) => `To delete unused objects: banana-batch prune ${id}`,
    },
    {
      kinds: ['foreign-object'],
      step: () => 'Objects not written by banana-batch stay until you delete them yourself.',
    },
  ];

/** What to do about the kinds of differences found; empty or complete lines. */
export function nextSteps(batchId: string, byKind: Verification['differencesByKind']): string {
  return STEPS.filter(({ kinds }) => kinds.some((kind) => byKind[kind]))
    .map(({ step }) => `${step(batchId)}\n`)
    .join('');
}
