import prettyBytes from 'pretty-bytes';
import type { PhaseReached } from '../../domain/rows/outcome.js';
import { placeText } from '../../sheet/record-place.js';
import { UsageError } from '../../errors.js';
import { findBatch } from '../../starter.js';
import { withBucket, unknownBatch } from '../terminal/batch-access.js';
import { readBatchFiles } from '../../plan/batch-files.js';
import { ago } from '../terminal/elapsed.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { findRow } from './find-row.js';
import { rowStory, type RowPhase, type RowStory } from './row-story.js';
import {
  oneLine,
  renderFacts,
  renderTable,
  tableWidth,
  type TableColumn,
  writeText,
} from '../terminal/table.js';
import { withTemporalIfAny } from '../terminal/temporal-if-any.js';

export interface RowOptions {
  readonly id: string;
  readonly rowId: string;
  readonly json: boolean;
}

/** One row's story: the request, what was bought for it, the result, and where its image is. */
export const row: Command<RowOptions> = (context, options) =>
  withBucket(context.config, async (store, bucket) => {
    const location = await findBatch({ store, bucket }, options.id);
    const files = await readBatchFiles(store, location);
    if (!files) throw unknownBatch(location);
    const { batch, report, lastRunSeq } = files;
    const { batchId } = location;
    if (!batch) {
      throw new UsageError(
        `Batch "${batchId}" is being prepared: its rows are not known yet. See it with: banana-batch status ${batchId}`,
      );
    }
    const run = { ...location, runSeq: batch.runSeq };
    const { stdout, stderr } = context;
    const found = await findRow(store, run, options.rowId, (line) => stderr.write(line));
    const sealed = report !== undefined && report.runSeq >= batch.runSeq;
    const story = await withTemporalIfAny(sealed ? { temporal: undefined } : context.config, (temporal) =>
      rowStory({
        store,
        client: temporal.kind === 'there' ? temporal.client : undefined,
        run,
        sealed,
        found,
      }),
    );
    if (lastRunSeq > batch.runSeq) {
      stderr.write(`Run ${lastRunSeq} is being prepared; the row is shown as run ${batch.runSeq} left it.\n`);
    }
    if (options.json) await writeText(stdout, `${JSON.stringify(story)}\n`);
    else await writeText(stdout, storyText(story, tableWidth(stdout)));
    return EXIT.ok;
  });

const PROMPT_CHARACTERS = 160;

const COLUMNS: readonly TableColumn[] = [
  { title: 'GENERATION', align: 'right' },
  { title: 'JOB' },
  { title: 'END' },
  { title: 'CHARGED' },
  { title: 'MESSAGE', shrinks: true },
];

/** The story as text for users; tables keep to `width`. */
function storyText(story: RowStory, width: number | undefined): string {
  const { image, failure, workflow } = story;
  const facts = renderFacts([
    ['row', `${story.rowId} of ${story.batchId}, ${placeText(story)} of the sheet`],
    ['name', story.imageName],
    ['prompt', shortened(oneLine(story.prompt))],
    ['settings', `${story.model}, ${story.aspectRatio}, ${story.resolution}`],
    ['input images', story.inputImages.join(' ')],
    ['phase', PHASES[story.phase]],
    ['', story.since && `since ${story.since}, ${ago(story.since, Date.now())}`],
    ['waits', story.waits],
    ['reached', story.reached && story.phase !== 'stored' ? REACHED[story.reached] : undefined],
    ['why', failure && `${failure.kind}: ${failure.message}`],
    ['job', story.jobId],
    ['settled', story.settledAt],
    ['image', image?.location],
    ['', image && `${image.type}, ${image.width} × ${image.height}, ${prettyBytes(image.sizeBytes)}`],
    ['', image && `sha256 ${image.sha256}`],
    ['', image?.adopted ? 'made by an earlier run, found in the bucket' : undefined],
    ['', image && !image.present ? 'MISSING: deleted or replaced since it was stored' : undefined],
    ['workflow', workflow && `${workflow.workflowId}, row ${workflow.index}`],
  ]);
  if (story.generations.length === 0) return `${facts}\nNo generation has finished.\n`;
  const rows = story.generations.map(({ generation, jobId, end, charged, message }) => [
    String(generation),
    jobId ?? '–',
    end,
    charged,
    message ?? '',
  ]);
  return `${facts}\n${renderTable(COLUMNS, rows, { width })}`;
}

function shortened(text: string): string {
  const characters = Array.from(text);
  return characters.length > PROMPT_CHARACTERS ? `${characters.slice(0, PROMPT_CHARACTERS).join('')}…` : text;
}

const PHASES: Readonly<Record<RowPhase, string>> = {
  pending: 'pending: waiting for a free slot',
  inFlight: 'in flight: its job is being created or is running',
  copying: 'copying: its job is done, its image not stored yet',
  stored: 'stored',
  failed: 'failed',
  cancelled: 'cancelled',
  unknown: 'unknown: not recorded yet, and no worker is running',
};

const REACHED: Readonly<Record<PhaseReached, string>> = {
  pending: 'pending: nothing was sent for it',
  create: 'create: a request was sent, but no job is known',
  await: 'await: its job was not seen to finish',
  store: 'store: its job is done, its image not stored',
  stored: 'stored',
};
