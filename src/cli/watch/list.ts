import pMap from 'p-map';
import { placeIfAny } from '../../plan/place/batch-place.js';
import { addressOf, homeOf, type HomeFolder } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { batchesInTemporal } from '../../starter.js';
import { archivedBatch, folderIds, type ListedBatch } from '../../status/running-batches.js';
import { UsageError } from '../../errors.js';
import { EXIT, type Command, type CommandContext } from '../terminal/command-context.js';
import { ago, minuteOf } from '../terminal/elapsed.js';
import { coloursFor } from './status-text.js';
import { renderTable, tableWidth, type TableColumn, writeText } from '../terminal/table.js';
import { askTemporal } from '../../network/temporal-calls.js';
import { withWhatAnswers, type TemporalIfAny } from '../terminal/temporal-if-any.js';

export interface ListOptions {
  readonly json: boolean;
  /** Shows only this many, the newest. */
  readonly limit?: number;
}

const REPORTS_AT_ONCE = 16;

/** All batches below the bucket's prefix, and those elsewhere with a note there, newest first: from Temporal's memos, older ones from the bucket. */
export const list: Command<ListOptions> = (context, options) =>
  withWhatAnswers(context.config, async ({ store, bucket: { bucket, prefix }, away }, temporal) => {
    const parts = { temporal, store: away ? undefined : store };
    const { batches, problem } = await findBatches(context, { bucket, prefix }, parts);
    if (context.interrupted.aborted) return EXIT.interrupted;
    const shown = batches.slice(0, options.limit ?? batches.length);
    const { stdout, stderr } = context;
    if (away && problem) {
      throw new UsageError(`${away.message} ${problem} either. Check both with: banana-batch doctor`);
    }
    if (away) stderr.write(`${away.message} Only batches known to Temporal are listed.\n`);
    if (problem) stderr.write(`${problem}: showing what is recorded in the bucket.\n`);
    if (options.json) {
      const document = {
        location: `s3://${bucket}/${prefix}`,
        temporalAnswered: !problem,
        bucketAnswered: !away,
        batches: shown,
      };
      await writeText(stdout, `${JSON.stringify(document)}\n`);
    } else if (batches.length === 0 && !away) {
      stderr.write(
        `There are no batches in s3://${bucket}/${prefix} yet. Start with: banana-batch submit prompts.csv\n`,
      );
    } else {
      await writeText(stdout, tableOf(shown, context, Date.now()));
      const more = batches.length - shown.length;
      if (more > 0) stderr.write(`${more} older not shown; use a larger --limit to see them.\n`);
    }
    return EXIT.ok;
  });

async function findBatches(
  { interrupted, config: { taskQueue } }: CommandContext,
  folder: HomeFolder,
  { temporal, store }: { readonly temporal: TemporalIfAny; readonly store: ObjectStore | undefined },
): Promise<{ readonly batches: readonly ListedBatch[]; readonly problem: string | undefined }> {
  const known =
    temporal.kind === 'there'
      ? await askTemporal(temporal.client, () => batchesInTemporal({ client: temporal.client, taskQueue }))
      : undefined;
  const isAtHome = ({ batchId, location }: ListedBatch): boolean =>
    location === addressOf(homeOf(folder, batchId));
  const problem = known
    ? undefined
    : temporal.kind === 'away'
      ? temporal.problem
      : 'Temporal does not answer';
  const atHome = [...(known?.values() ?? [])].filter(isAtHome);
  if (!store) return { batches: atHome.toSorted(newestFirst), problem };
  const ids = new Set(await folderIds(store, folder));
  for (const { batchId } of atHome) ids.delete(batchId);
  const others = await pMap(
    ids,
    async (batchId) => {
      const location = interrupted.aborted ? undefined : await placeIfAny(store, homeOf(folder, batchId));
      if (!location) return undefined;
      const running = known?.get(batchId);
      return running?.location === addressOf(location)
        ? running
        : archivedBatch(store, location, known !== undefined);
    },
    { concurrency: REPORTS_AT_ONCE },
  );
  const batches = [...atHome, ...others.flatMap((batch) => batch ?? [])];
  return { batches: batches.toSorted(newestFirst), problem };
}

/** Batches without a known start come first: they need attention. */
function newestFirst(a: ListedBatch, b: ListedBatch): number {
  const [aTime, bTime] = [a, b].map(({ startedAt }) => (startedAt ? Date.parse(startedAt) : Infinity));
  if (aTime === bTime) return a.batchId < b.batchId ? -1 : 1;
  return (bTime ?? 0) > (aTime ?? 0) ? 1 : -1;
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'BATCH', shrinks: true },
  { title: 'STATE' },
  { title: 'STORED', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: 'STARTED' },
  { title: 'AS OF' },
  { title: 'WHY', shrinks: true },
];

function tableOf(
  batches: readonly ListedBatch[],
  { stdout, environment }: CommandContext,
  nowMs: number,
): string {
  const rows = batches.map(({ batchId, state, stored, total, failed, startedAt, asOf, reason }) => [
    batchId,
    state,
    asOf ? `${stored}/${total}` : '–',
    asOf ? String(failed) : '–',
    startedAt ? minuteOf(startedAt) : '–',
    asOf ? ago(asOf, nowMs) : '–',
    reason ?? '',
  ]);
  const paintTitle = coloursFor(stdout, environment).bold;
  return renderTable(COLUMNS, rows, { width: tableWidth(stdout), paintTitle });
}
