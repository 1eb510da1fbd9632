import { UsageError } from '../../errors.js';
import { failureColumns } from '../../report/failure-record.js';
import { csvChunks } from '../../sheet/index.js';
import { at, failuresKey, rejectsKey, type BatchLocation } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { findBatch } from '../../starter.js';
import { withBucketIfAny, unknownBatch } from '../terminal/batch-access.js';
import { readBatchFiles } from '../../plan/batch-files.js';
import { EXIT, type Command, type CommandContext } from '../terminal/command-context.js';
import { countedFailures } from './counted-failures.js';
import { failedRowOf, recordedFailures, sealedFailures, type FailedRow } from './failed-rows.js';
import { recordedRun, type RecordedRun } from './recorded-run.js';
import { retryAdvice } from '../control/retry-advice.js';
import { coloursFor } from '../watch/status-text.js';
import { renderTable, tableWidth, type TableColumn, writeText } from '../terminal/table.js';

export interface FailuresOptions {
  readonly id: string;
  readonly json: boolean;
  /** Prints `failures.csv` itself completely, to be fixed and submitted. */
  readonly csv: boolean;
  /** Maximum number of rows to list; the counts cover all. Default 50 in a table, all in JSON. */
  readonly limit?: number;
}

const TABLE_ROWS = 50;

/** The rows of a batch that ended without an image, and why: as sealed, or as recorded so far. Needs only the bucket. */
export const failures: Command<FailuresOptions> = (context, options) => {
  if (options.csv && options.json) throw new UsageError('--csv and --json cannot be used together.');
  return withBucketIfAny(context.config, async (reached) => {
    const { store, bucket, away } = reached;
    if (away && options.csv) throw away;
    if (away) return countedFailures(context, reached, options);
    const location = await findBatch({ store, bucket }, options.id);
    const files = await readBatchFiles(store, location);
    if (!files) throw unknownBatch(location);
    const source = recordedRun(files, location);
    context.stderr.write(source.note);
    if (options.csv) {
      for await (const chunk of csvOf(store, source)) {
        if (context.interrupted.aborted) return EXIT.interrupted;
        await writeText(context.stdout, chunk);
      }
      return EXIT.ok;
    }
    const found = new FoundFailures(options.limit ?? (options.json ? Infinity : TABLE_ROWS));
    for await (const record of recordsOf(store, source)) {
      if (context.interrupted.aborted) return EXIT.interrupted;
      found.add(failedRowOf(record));
    }
    if (options.json) await writeText(context.stdout, jsonOf(location, source, found));
    else await showTable(context, location, source, found);
    return EXIT.ok;
  });
};

async function* recordsOf(store: ObjectStore, source: RecordedRun): AsyncGenerator {
  switch (source.kind) {
    case 'none':
      return;
    case 'sealed':
      yield* sealedFailures(store, source.run, source.batch);
      return;
    case 'recorded':
      yield* recordedFailures(store, source.run);
  }
}

async function* csvOf(store: ObjectStore, source: RecordedRun): AsyncGenerator<string> {
  switch (source.kind) {
    case 'none':
      return;
    case 'sealed':
      yield* (await store.read(at(source.run, failuresKey(source.run)))).setEncoding('utf8');
      return;
    case 'recorded': {
      const { batch, run } = source;
      yield* csvChunks(failureColumns(batch), recordedFailures(store, run), batch.delimiter);
    }
  }
}

/** The first failures, and the count of all by kind. */
class FoundFailures {
  readonly rows: FailedRow[] = [];
  readonly #limit: number;
  readonly #byKind = new Map<string, number>();
  #total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get total(): number {
    return this.#total;
  }

  get byKind(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#byKind].toSorted(([, a], [, b]) => b - a));
  }

  add(row: FailedRow): void {
    this.#total += 1;
    this.#byKind.set(row.kind, (this.#byKind.get(row.kind) ?? 0) + 1);
    if (this.rows.length < this.#limit) this.rows.push(row);
  }
}

function jsonOf(
  { batchId }: BatchLocation,
  source: RecordedRun,
  { total, byKind, rows }: FoundFailures,
): string {
  const runSeq = source.kind === 'none' ? undefined : source.run.runSeq;
  return `${JSON.stringify({ batchId, runSeq, sealed: source.kind === 'sealed', total, byKind, rows })}\n`;
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'ROW', shrinks: true },
  { title: 'LINE', align: 'right' },
  { title: 'KIND' },
  { title: 'MESSAGE', shrinks: true },
  { title: 'GENERATIONS', align: 'right' },
  { title: 'CHARGED' },
];
const JOB_COLUMN: TableColumn = { title: 'LAST JOB' };
/** A narrower terminal has no room for job ids beside the messages. */
const WIDTH_WITH_JOBS = 120;

async function showTable(
  { stdout, stderr, environment }: CommandContext,
  location: BatchLocation,
  source: RecordedRun,
  { total, byKind, rows }: FoundFailures,
): Promise<void> {
  const { batchId } = location;
  if (total === 0) {
    if (source.kind !== 'none')
      stderr.write(
        `No row of "${batchId}" has failed or was cancelled${source.kind === 'sealed' ? '' : ' so far'}.\n`,
      );
  } else {
    const width = tableWidth(stdout);
    const withJobs = width === undefined || width >= WIDTH_WITH_JOBS;
    const lines = rows.map(({ rowId, line, tableRow, kind, message, generations, charged, jobId }) => [
      rowId,
      tableRow === undefined ? String(line) : `${line} (row ${tableRow})`,
      kind,
      message,
      String(generations),
      charged,
      ...(withJobs ? [jobId ?? '–'] : []),
    ]);
    const columns = withJobs ? [...COLUMNS, JOB_COLUMN] : COLUMNS;
    const paintTitle = coloursFor(stdout, environment).bold;
    await writeText(stdout, renderTable(columns, lines, { width, paintTitle }));
    const kinds = Object.entries(byKind).map(([kind, count]) => `${count} ${kind}`);
    const more = total > rows.length ? ` ${total - rows.length} more are not listed (--limit).` : '';
    await writeText(
      stdout,
      `\n${total} ${total === 1 ? 'row' : 'rows'} without an image: ${kinds.join(', ')}.${more}\n`,
    );
    stderr.write(`${retryAdvice(batchId, byKind)}\n`);
    stderr.write(
      `To fix and resubmit them: banana-batch failures ${batchId} --csv > again.csv, then: banana-batch submit again.csv --id ${batchId}\n`,
    );
    stderr.write(`Details of a row: banana-batch row ${batchId} ROW\n`);
  }
  if (source.kind === 'none' || source.batch.rejected === 0) return;
  const rejects = `s3://${location.bucket}/${rejectsKey(location)}`;
  stderr.write(
    `${source.batch.rejected} more were rejected before anything was bought; see why in ${rejects}\n`,
  );
}
