import type { Client } from '@temporalio/client';
import { publicAddress } from '../../domain/rows/input-image.js';
import { hasChosenName } from '../../domain/images/image-name.js';
import { generationsTogether } from '../../domain/rows/row-plan.js';
import {
  type GenerationRecord,
  type PhaseReached,
  type RowOutcome,
  type SettledEnd,
  phaseReached,
} from '../../domain/rows/outcome.js';
import { listParts, readParts } from '../../ledger/parts.js';
import { ServiceTexts } from '../../ledger/service-texts.js';
import { at, batchRoot, inputAddress, type RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { queryRow, type RowAnswer } from '../../starter.js';
import type { RowView } from '../../workflows/protocol/shard-messages.js';
import { shardWorkflowId } from '../../workflows/protocol/names.js';
import type { FoundRow } from './find-row.js';

/** `unknown` if only a worker could tell, and none answers. */
export type RowPhase = 'pending' | 'inFlight' | 'copying' | 'stored' | 'failed' | 'cancelled' | 'unknown';

/** The output of `row --json`; scripts rely on it. */
export interface RowStory {
  readonly batchId: string;
  readonly rowId: string;
  readonly runSeq: number;
  /** 1-based line of the sheet. */
  readonly line: number;
  /** Its row number in a spreadsheet; undefined if equal to the line. */
  readonly tableRow: number | undefined;
  /** The chosen name of the row's image; undefined if derived from the id. */
  readonly imageName: string | undefined;
  readonly prompt: string;
  readonly model: string;
  readonly aspectRatio: string;
  readonly resolution: string;
  /** `s3://` addresses, and URLs without the query, which may contain signatures. */
  readonly inputImages: readonly string[];
  readonly labels: FoundRow['row']['labels'];
  readonly contentHash: string;
  readonly phase: RowPhase;
  /** How far a finished row came; undefined for an unfinished one, and if unknown. */
  readonly reached: PhaseReached | undefined;
  readonly failure: { readonly kind: string; readonly message: string } | undefined;
  /** Since when an unfinished row is at its phase, if its shard reports it. ISO 8601. */
  readonly since: string | undefined;
  /** Why an unfinished row waits aside, for users; undefined if it does not. */
  readonly waits: string | undefined;
  /** The unfinished job. */
  readonly jobId: string | undefined;
  /** All ended generations of the row's present content, including those of earlier runs. */
  readonly generations: readonly GenerationRecord[];
  readonly settledAt: string | undefined;
  readonly image: StoredImage | undefined;
  /** The shard's workflow in Temporal, and the row's index in it; undefined for a row that this run did not process. */
  readonly workflow: { readonly workflowId: string; readonly index: number } | undefined;
}

export interface StoredImage {
  /** `s3://bucket/key` */
  readonly location: string;
  readonly type: string;
  readonly width: number;
  readonly height: number;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Whether the object exists now, with that size and, by its metadata, those bytes. */
  readonly present: boolean;
  /** Found in the bucket, not recorded as stored by a run. */
  readonly adopted: boolean;
}

/** A row's story from the files of its batch, and from its shard if the run is not sealed. */
export async function rowStory(input: {
  readonly store: ObjectStore;
  /** Undefined if Temporal does not answer. */
  readonly client: Client | undefined;
  readonly run: RunRef;
  readonly sealed: boolean;
  readonly found: FoundRow;
}): Promise<RowStory> {
  const { store, run, found } = input;
  const { row } = found;
  const { outcome, live } =
    found.kind === 'carried' ? { outcome: found.outcome } : await stateOf(input, found);
  const view = typeof live === 'object' ? await new ServiceTexts(store).shownOf(run, live) : undefined;
  const end = outcome?.end ?? view?.end;
  const generations = outcome?.generations ?? generationsTogether(row.earlier ?? [], view?.generations ?? []);
  const { batchId, runSeq } = run;
  const { rowId, line, tableRow, prompt, model, aspectRatio, resolution, labels, contentHash } = row;
  return {
    batchId,
    rowId,
    runSeq,
    line,
    tableRow,
    imageName: hasChosenName(row) ? row.imageName : undefined,
    prompt,
    model,
    aspectRatio,
    resolution,
    inputImages: row.inputImages.map((image) => publicAddress(inputAddress(run, image))),
    labels,
    contentHash,
    phase: phaseOf(end, live, input.sealed),
    reached: reachedBy(end, generations, input.sealed),
    failure: end?.kind === 'failed' ? { kind: end.failure, message: end.message } : undefined,
    since: view?.sinceMs === undefined ? undefined : new Date(view.sinceMs).toISOString(),
    waits: view && !end ? waitsText(view) : undefined,
    jobId: end ? undefined : (view?.jobId ?? row.jobId),
    generations,
    settledAt: outcome?.settledAt,
    image: outcome && (await storedImage(store, run, outcome)),
    workflow:
      found.kind === 'own'
        ? { workflowId: shardWorkflowId(run, found.shard), index: found.index }
        : undefined,
  };
}

/** Why the service delays a row; undefined if it does not. */
function waitsText({ fault, isJobMissing }: RowView): string | undefined {
  if (isJobMissing) {
    return 'set aside: the service does not find its job (404). The job is polled again; nothing is bought until it is known to be lost.';
  }
  if (!fault) return undefined;
  const { step, failures, sinceMs } = fault;
  const what = step === 'job' ? 'its job' : step === 'image' ? 'its image' : 'its create';
  const times = failures === 1 ? 'once' : `${failures} times`;
  return `set aside: the service has failed ${times} at ${what} since ${new Date(sinceMs).toISOString()}, while other rows may succeed. It is retried with growing pauses.`;
}

type OwnRow = Extract<FoundRow, { kind: 'own' }>;
type StoryInput = Parameters<typeof rowStory>[0];

/** The state of a row of this run: its recorded outcome, else its shard's answer. */
async function stateOf(
  input: StoryInput,
  found: OwnRow,
): Promise<{ readonly outcome?: RowOutcome; readonly live?: RowAnswer }> {
  const outcome = await recordedOutcome(input, found);
  if (outcome || input.sealed) return outcome ? { outcome } : {};
  const { client, run } = input;
  const live = client ? await queryRow(client, run, found) : 'silent';
  if (live !== 'recorded') return { live };
  // It was recorded between the two checks.
  const later = await recordedOutcome(input, found);
  return later ? { outcome: later } : {};
}

async function recordedOutcome(
  { store, run }: StoryInput,
  { row, shard }: OwnRow,
): Promise<RowOutcome | undefined> {
  const outcomes = await readParts(store, run, await listParts(store, run, shard));
  return outcomes.get(row.position);
}

function phaseOf(end: SettledEnd | undefined, live: RowAnswer | undefined, sealed: boolean): RowPhase {
  if (end) return end.kind === 'kept' ? 'stored' : end.kind;
  // A cancelled batch is sealed with shards that were never opened.
  if (sealed) return 'cancelled';
  if (live === 'unopened') return 'pending';
  return typeof live === 'object' && live.phase !== 'settled' ? live.phase : 'unknown';
}

/** A row of a shard that was never opened has no outcome of its own: its batch was sealed as cancelled first. */
function reachedBy(
  end: SettledEnd | undefined,
  generations: RowStory['generations'],
  sealed: boolean,
): PhaseReached | undefined {
  if (end) return end.kind === 'kept' ? 'stored' : phaseReached({ end, generations });
  return sealed ? phaseReached({ end: { kind: 'cancelled' }, generations }) : undefined;
}

async function storedImage(
  store: ObjectStore,
  run: RunRef,
  outcome: RowOutcome,
): Promise<StoredImage | undefined> {
  const { end, imageKey } = outcome;
  if (end.kind !== 'stored' || imageKey === undefined) return undefined;
  const key = `${batchRoot(run)}${imageKey}`;
  const head = await store.head(at(run, key));
  const present = head?.sizeBytes === end.image.sizeBytes && head.metadata['sha256'] === end.image.sha256;
  return { location: `s3://${run.bucket}/${key}`, ...end.image, present, adopted: end.adopted };
}
