import { readBatchFiles } from '../batch/batch-files.js';
import { readBatchStatus } from '../batch/batch-status.js';
import { counted } from '../domain/counted.js';
import { UsageError } from '../errors.js';
import { rowsAfterRun } from '../ledger/run-rows.js';
import { ResultsTable, type WriteCells } from '../report/results-table.js';
import { resultsText } from '../report/results-text.js';
import type { BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { locate, withBucket } from './batch-access.js';
import { EXIT, type Command, type CommandContext } from './command-context.js';
import { withOutputFile } from './output-file.js';
import { openLateProgress } from './progress.js';
import { recordedRun, type RecordedRun } from './recorded-run.js';
import { unknownBatch } from './status.js';
import { askTemporal, withTemporalIfAny } from './temporal-if-any.js';
import { writeText } from './write-text.js';

export interface ResultsOptions {
  readonly id: string;
  /** A local file; standard output where absent. */
  readonly to?: string;
  /** Replaces a file that is there. */
  readonly overwrite: boolean;
  /** What was written, as one JSON document; only with a file. */
  readonly json: boolean;
}

type KnownRun = Exclude<RecordedRun, { readonly kind: 'none' }>;

/** The sheet as it was given with what became of each row, as far as it is recorded. Needs only the bucket. */
export const results: Command<ResultsOptions> = (context, options) => {
  if (options.json && options.to === undefined)
    throw new UsageError('--json says what was written to a file: give one with --to.');
  return withBucket(context.config, async (store, bucket) => {
    const location = await locate({ store, bucket }, options.id);
    const files = await readBatchFiles(store, location);
    if (!files) throw unknownBatch(location);
    const source = recordedRun(files, location);
    if (source.kind === 'none') {
      const { batchId } = location;
      throw new UsageError(
        `Batch "${batchId}" is being prepared: its rows are not known yet. See it with: banana-batch status ${batchId}`,
      );
    }
    context.stderr.write(source.note);
    if (source.kind === 'recorded') context.stderr.write(await standstillNote(context, store, location));
    const written = await writtenResults(context, store, source, options);
    if (!written) return EXIT.interrupted;
    if (options.to === undefined) return EXIT.ok;
    const { byStatus, lines } = written;
    const { run, kind } = source;
    if (options.json) {
      const { batchId, runSeq } = run;
      const document = { batchId, runSeq, sealed: kind === 'sealed', file: options.to, lines, byStatus };
      await writeText(context.stdout, `${JSON.stringify(document)}\n`);
    } else await writeText(context.stdout, `${options.to}: ${writtenText(written)}.\n`);
    return EXIT.ok;
  });
};

interface Written {
  readonly lines: number;
  readonly byStatus: ResultsTable['byStatus'];
}

function writtenText({ lines, byStatus }: Written): string {
  const parts = Object.entries(byStatus).map(([status, count]) => `${count} ${status}`);
  return `${counted(lines, 'line')}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`;
}

/** Why a batch that is not finished does not go on, if it does not, in a line; only Temporal knows it. */
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

/** Undefined where it was interrupted: then no file is left. */
async function writtenResults(
  context: CommandContext,
  store: ObjectStore,
  source: KnownRun,
  { to, overwrite }: ResultsOptions,
): Promise<Written | undefined> {
  const { stdout, cwd } = context;
  const asText = async (write: (text: string) => Promise<void>): Promise<Written | undefined> => {
    const text = resultsText(source.batch.delimiter, write);
    const written = await writtenLines(context, store, source, text.write);
    if (written) await text.end();
    return written;
  };
  if (to !== undefined) return withOutputFile(cwd, to, { overwrite }, asText);
  return asText((data) => writeText(stdout, data));
}

async function writtenLines(
  { stderr, interrupted }: CommandContext,
  store: ObjectStore,
  { run, batch }: KnownRun,
  write: WriteCells,
): Promise<Written | undefined> {
  const progress = openLateProgress(stderr);
  let lines = -1;
  try {
    const countedWrite: WriteCells = async (cells) => {
      lines += 1;
      await write(cells);
    };
    return await ResultsTable.with(store, run, batch, { write: countedWrite }, async (table) => {
      const rows = batch.rows + batch.carried;
      for await (const { row, before } of rowsAfterRun(store, run)) {
        if (interrupted.aborted) return undefined;
        await table.add(row, before.start ? undefined : before.outcome);
        progress.show(() => `Results of ${run.batchId}: row ${row.position + 1} of ${rows}`);
      }
      await table.end();
      return { lines, byStatus: table.byStatus };
    });
  } finally {
    progress.end();
  }
}
