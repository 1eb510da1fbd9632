import { readBatchFiles } from '../../plan/batch-files.js';
import { counted } from '../../domain/text/full-stop.js';
import { UsageError } from '../../errors.js';
import { rowsAfterRun } from '../../ledger/run-rows.js';
import { ResultsTable, type ExtraColumn, type ResultCells } from '../../report/results/results-table.js';
import { ResultsText } from '../../report/results/results-text.js';
import { MOST_COLUMNS, resultsWorkbook } from '../../report/results/results-workbook.js';
import type { BatchLocation } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { findBatch, readBatchStatus } from '../../starter.js';
import { withBucket, unknownBatch } from '../terminal/batch-access.js';
import { EXIT, type Command, type CommandContext } from '../terminal/command-context.js';
import { linkColumn, type LinkKind } from './result-links.js';
import { withOutputFile, type WriteBytes } from './output-file.js';
import { openLateProgress } from '../terminal/progress.js';
import { recordedRun, type RecordedRun } from './recorded-run.js';
import { askTemporal } from '../../network/temporal-calls.js';
import { withTemporalIfAny } from '../terminal/temporal-if-any.js';
import { writeText } from '../terminal/table.js';

export interface ResultsOptions {
  readonly id: string;
  /** A local file; if absent, standard output, or for a workbook a file named after the batch. */
  readonly to?: string;
  /** An Excel workbook instead of CSV; the file's name if it is a text. */
  readonly xlsx?: boolean | string;
  /** Adds a column of links to the images. */
  readonly links?: LinkKind;
  /** Replaces an existing file. */
  readonly overwrite: boolean;
  /** Prints what was written as one JSON document; only with a file. */
  readonly json: boolean;
}

type KnownRun = Exclude<RecordedRun, { readonly kind: 'none' }>;

/** The sheet as given with the result of each row, as far as recorded. Needs only the bucket. */
export const results: Command<ResultsOptions> = (context, options) => {
  const { links, json, id } = options;
  const to = fileOf(options);
  if (json && to === undefined)
    throw new UsageError('--json describes the written file: add --to FILE or --xlsx.');
  return withBucket(context.config, async (store, bucket) => {
    const { stdout, stderr } = context;
    const location = await findBatch({ store, bucket }, id);
    const files = await readBatchFiles(store, location);
    if (!files) throw unknownBatch(location);
    const source = recordedRun(files, location);
    if (source.kind === 'none') throw rowsUnknown(location);
    stderr.write(source.note);
    if (source.kind === 'recorded') stderr.write(await standstillNote(context, store, location));
    const linked = links && (await linkColumn(links, { store, location, nowMs: Date.now() }));
    const { xlsx = false, overwrite } = options;
    const target = { to, isWorkbook: xlsx !== false, overwrite, extra: linked?.column };
    const written = await writtenResults(context, store, source, target);
    if (!written) return EXIT.interrupted;
    if (linked) stderr.write(linked.note);
    if (written.cutCells > 0) stderr.write(cutNote(written.cutCells));
    if (to === undefined) return EXIT.ok;
    const { byStatus, lines } = written;
    const { run, kind } = source;
    if (json) {
      const { batchId, runSeq } = run;
      const document = { batchId, runSeq, sealed: kind === 'sealed', file: to, lines, byStatus };
      await writeText(stdout, `${JSON.stringify(document)}\n`);
    } else await writeText(stdout, `${to}: ${writtenText(written)}.\n`);
    return EXIT.ok;
  });
};

/** The local file to write; undefined for standard output. */
function fileOf({ id, to, xlsx = false }: ResultsOptions): string | undefined {
  if (typeof xlsx === 'string' && to !== undefined && xlsx !== to)
    throw new UsageError(`--to is "${to}" and --xlsx is "${xlsx}": name the file once.`);
  if (typeof xlsx === 'string') return xlsx;
  return to ?? (xlsx ? `${id}-results.xlsx` : undefined);
}

function rowsUnknown({ batchId }: BatchLocation): UsageError {
  return new UsageError(
    `Batch "${batchId}" is being prepared: its rows are not known yet. See it with: banana-batch status ${batchId}`,
  );
}

interface Written {
  readonly lines: number;
  readonly byStatus: ResultsTable['byStatus'];
  /** Texts that were cut at Excel's limit. */
  readonly cutCells: number;
}

function writtenText({ lines, byStatus }: Written): string {
  const parts = Object.entries(byStatus).map(([status, count]) => `${count} ${status}`);
  return `${counted(lines, 'line')}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`;
}

function cutNote(cutCells: number): string {
  return `${counted(cutCells, 'text')} longer than the 32,767 characters that Excel takes in a cell ${cutCells === 1 ? 'was' : 'were'} cut. The CSV has the full text: run the command without --xlsx.\n`;
}

/** Why an unfinished batch does not continue, as a line; only Temporal knows it. */
async function standstillNote(
  { config }: Pick<CommandContext, 'config'>,
  store: ObjectStore,
  location: BatchLocation,
): Promise<string> {
  const { taskQueue } = config;
  const status = await withTemporalIfAny(config, async (temporal) => {
    if (temporal.kind === 'away') return undefined;
    const { client } = temporal;
    return askTemporal(client, () => readBatchStatus({ client, store, taskQueue }, location));
  });
  if (!status || status.state === 'running') return '';
  return `Batch "${location.batchId}" is ${status.state}${status.reason ? `: ${status.reason}` : '.'}\n`;
}

interface Target {
  /** Undefined for standard output. */
  readonly to: string | undefined;
  readonly isWorkbook: boolean;
  readonly overwrite: boolean;
  readonly extra: ExtraColumn | undefined;
}

/** Undefined if it was interrupted: then no file is left. */
async function writtenResults(
  context: CommandContext,
  store: ObjectStore,
  source: KnownRun,
  { to, isWorkbook, overwrite, extra }: Target,
): Promise<Written | undefined> {
  const { stderr, interrupted, stdout, cwd } = context;
  const progress = openLateProgress(stderr);
  const written = (write: WriteBytes): Promise<Written | undefined> =>
    ResultsTable.with(store, source.run, source.batch, extra, async (table) => {
      let [lines, cutCells] = [0, 0];
      const body = async function* (): AsyncGenerator<ResultCells> {
        for await (const cells of linesOf(table, store, source, interrupted)) {
          lines += 1;
          // On a terminal the lines themselves are the progress.
          if (to !== undefined || !stdout.isTTY)
            progress.show(() => `Results of ${source.run.batchId}: ${counted(lines, 'line')}`);
          yield cells;
        }
      };
      if (!isWorkbook) {
        const text = new ResultsText(source.batch.delimiter, write);
        await text.add([table.header]);
        await text.add(body());
        await text.end();
      } else {
        refuseWidth(table.header.length);
        for await (const bytes of resultsWorkbook(table.header, body(), () => (cutCells += 1)))
          await write(bytes);
      }
      return interrupted.aborted ? undefined : { lines, cutCells, byStatus: table.byStatus };
    });
  try {
    if (to === undefined) return await written((data) => writeText(stdout, data));
    return await withOutputFile(cwd, to, { overwrite }, written);
  } finally {
    progress.end();
  }
}

/** All lines except the header; stops early if interrupted. */
async function* linesOf(
  table: ResultsTable,
  store: ObjectStore,
  { run }: KnownRun,
  interrupted: AbortSignal,
): AsyncGenerator<ResultCells> {
  for await (const { row, before } of rowsAfterRun(store, run)) {
    if (interrupted.aborted) return;
    yield* table.linesTo(row, before.start ? undefined : before.outcome);
  }
  yield* table.linesToEnd();
}

function refuseWidth(columns: number): void {
  if (columns <= MOST_COLUMNS) return;
  throw new UsageError(
    `The results have ${columns} columns, but Excel allows only ${MOST_COLUMNS}: run the command without --xlsx.`,
  );
}
