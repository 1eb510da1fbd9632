import { z } from 'zod';
import { MODELS, RESOLUTIONS } from '../domain/rows/generation-settings.js';
import { FAILURE_KINDS, UNSTORED_KINDS } from '../domain/rows/failure-kind.js';
import type { BatchId, ContentHash, JobId, RowId } from '../domain/rows/ids.js';
import type { JsonValue } from '../domain/text/json.js';
import { INPUT_COLUMNS } from '../domain/rows/columns.js';
import type { NearDuplicates } from '../domain/images/near-duplicates.js';
import { NO_THUMBNAIL, PHASES_REACHED, type RowOutcome, type SettledRow } from '../domain/rows/outcome.js';
import type { ShardRow } from '../domain/rows/row.js';
import type { SheetColumn } from '../domain/rows/sheet-column.js';
import type { MissingThumbnails } from '../domain/images/missing-thumbnails.js';
import type { RepeatedJobs } from '../domain/images/repeated-jobs.js';
import type { SameBytes } from '../domain/images/same-bytes.js';
import type { RunCost } from '../domain/money/run-cost.js';
import type { Tally } from '../domain/batch/tally.js';
import { SheetSettings } from '../sheet/sheet-settings.js';
import { runSettings } from './run-settings-document.js';

const count = z.int().min(0);
const rowId = z
  .string()
  .min(1)
  .transform((text) => text as RowId);
const jobId = z
  .string()
  .min(1)
  .transform((text) => text as JobId);
const contentHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform((text) => text as ContentHash);
const json: z.ZodType<JsonValue> = z.json();

/** The request of a run: `runs/<runSeq>/request.json`, written once by the submission. */
export const RunRequest = z.object({
  /** `submit` runs the sheet; `retry` and `redo` run rows of the batch. */
  action: z.enum(['submit', 'retry', 'redo']).default('submit'),
  /** Key of the sheet, byte for byte as submitted, below the bucket; for a retry or redo that of the previous run. */
  sheetKey: z.string(),
  /** Its name at submission: the extension determines the format, and messages use it. */
  sheetName: z.string(),
  sheet: SheetSettings,
  /** Key of the list of the sheet's local input images; absent without any. */
  inputListKey: z.string().exactOptional(),
  /** Number of the batch's rows at the request: determines the length of the shards. */
  rows: count.default(0),
  /** The kinds that a retry names; empty for those that a retry may fix. */
  kinds: z.array(z.enum(UNSTORED_KINDS)).default([]),
  /** The rows that a redo makes again. */
  redo: z.array(rowId).default([]),
  /** Rows that the sheet lacks stay in the batch. */
  merge: z.boolean().default(false),
  /** The account's key was rotated: a worker whose key knows the batch's jobs may continue with it. */
  rebind: z.boolean().default(false),
  settings: runSettings.exactOptional(),
  /**
   * The service configured at submission: the API's origin, or `sandbox` for a folder's own. No other may make its
   * images. Absent if none was configured; then the first real service that runs it is bound.
   */
  service: z.string().min(1).exactOptional(),
  /** Set if a schedule made the request: by which of its runs, in which workflow run. */
  firing: z.object({ schedule: z.string(), firingAt: z.iso.datetime(), runId: z.string() }).exactOptional(),
  submittedAt: z.iso.datetime(),
});
export type RunRequest = z.infer<typeof RunRequest>;

const inputColumn = z.enum(INPUT_COLUMNS);

const sheetColumn: z.ZodType<SheetColumn> = z.object({
  name: z.string(),
  title: z.string().exactOptional(),
  ours: inputColumn.exactOptional(),
});

const digests = z.record(z.string(), z.string());

export const TallyDocument: z.ZodType<Tally> = z.object({
  total: count,
  pending: count,
  inFlight: count,
  copying: count,
  stored: count,
  failed: count,
  rejected: count,
  cancelled: count,
  failuresByKind: z.partialRecord(z.enum(FAILURE_KINDS), count),
  generations: count,
});

/** `place.json`: the batch that the folder belongs to, and where that batch is. */
export const PlaceFile = z.object({
  format: z.literal(1),
  batchId: z.string().transform((text) => text as BatchId),
  bucket: z.string().min(1),
  root: z.string().regex(/^.+\/$/s),
});
export type PlaceFile = z.infer<typeof PlaceFile>;

/** `batch.json`: the batch and the result of the last ingest. */
export const BatchFile = z.object({
  format: z.literal(1),
  batchId: z.string().transform((text) => text as BatchId),
  /** Origin of the API and a fingerprint of the key. */
  account: z.string(),
  runSeq: z.int().min(1),
  /** The run whose rows this one continued from; 0 if there was none. */
  base: count.exactOptional(),
  sheet: RunRequest,
  settings: runSettings,
  /** All columns of `rejects.csv` except those with the reason. */
  rejectColumns: z.array(z.string()).default([]),
  /** All columns of the batch's sheet in order. Absent in ledgers of earlier builds. */
  sheetColumns: z.array(sheetColumn).exactOptional(),
  /** Carried columns in sheet order. */
  labelColumns: z.array(z.string()),
  delimiter: z.string(),
  /** Whether any row of the batch has a chosen name. */
  hasNames: z.boolean().default(false),
  /** Whether any row of the batch has input images. */
  hasInputs: z.boolean().default(false),
  shardCount: count,
  rows: count,
  /** If the run has a canary: its number of rows, which are the first shard, and the images that all rows of the run are to buy. */
  canary: z
    .object({
      rows: count,
      buys: z.array(z.object({ model: z.enum(MODELS), resolution: z.enum(RESOLUTIONS), images: count })),
    })
    .exactOptional(),
  carried: count,
  /** Outcomes of the carried rows. */
  carriedTally: TallyDocument.exactOptional(),
  rejected: count,
  ingestedAt: z.iso.datetime(),
  /** The account's balance at that time; absent if the service did not report it. */
  balance: z.object({ balance: z.string(), reserved: z.string() }).exactOptional(),
  /** sha256 of the other files that ingest wrote, by their keys below the batch. */
  digests,
});
export type BatchFile = z.infer<typeof BatchFile>;

const generationRecord = z.object({
  generation: z.int().min(1),
  jobId: jobId.exactOptional(),
  end: z.enum(['done', 'failed', 'gone', 'unfinished', 'invalid', 'unanswered', 'open']),
  charged: z.enum(['yes', 'no', 'unknown']),
  unansweredSinceMs: z.number().exactOptional(),
  openedSinceMs: z.number().exactOptional(),
  message: z.string().exactOptional(),
});

const storedEnd = z.object({
  kind: z.literal('stored'),
  adopted: z.boolean(),
  image: z.object({
    type: z.enum(['png', 'jpg', 'webp']),
    width: z.int(),
    height: z.int(),
    sizeBytes: count,
    sha256: z.string(),
    thumbnail: z.literal(true).exactOptional(),
    noThumbnail: z.enum(NO_THUMBNAIL).exactOptional(),
    perceptualHash: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .exactOptional(),
  }),
});

/** A line of `runs/<runSeq>/rows/…jsonl`. */
export const ShardRowLine: z.ZodType<ShardRow> = z.object({
  position: count,
  line: count,
  tableRow: count.exactOptional(),
  rowId,
  contentHash,
  prompt: z.string(),
  model: z.enum(MODELS),
  aspectRatio: z.string(),
  resolution: z.enum(RESOLUTIONS),
  inputImages: z.array(z.string()),
  imageName: z.string(),
  labels: z.record(z.string(), json),
  labelTexts: z.record(z.string(), z.string()).exactOptional(),
  given: z.partialRecord(inputColumn, json).exactOptional(),
  generation: z.int().min(1),
  jobId: jobId.exactOptional(),
  unansweredSinceMs: z.number().exactOptional(),
  openedSinceMs: z.number().exactOptional(),
  failedAlone: z.literal(true).exactOptional(),
  earlier: z.array(generationRecord).exactOptional(),
  keptImage: z.object({ end: storedEnd, imageKey: z.string() }).exactOptional(),
});

/** Only the history has a `textId`. */
const textId = z.string().exactOptional();
const rowEnd = z.discriminatedUnion('kind', [
  storedEnd,
  z.object({ kind: z.literal('failed'), failure: z.enum(FAILURE_KINDS), message: z.string(), textId }),
  z.object({ kind: z.literal('cancelled') }),
]);

/** A row's end as in the workflow history. */
export const SettledDocument: z.ZodType<SettledRow> = z.object({
  row: count,
  end: z.union([rowEnd, z.object({ kind: z.literal('kept') })]),
  generations: z.array(generationRecord.extend({ textId })),
  settledAtMs: z.number(),
});

/** A line of a part and of `outcomes.jsonl`. */
export const OutcomeLine: z.ZodType<RowOutcome> = z.object({
  position: count,
  rowId,
  contentHash,
  runSeq: z.int().min(1),
  generations: z.array(generationRecord),
  end: rowEnd,
  phase: z.enum(PHASES_REACHED).exactOptional(),
  imageKey: z.string().exactOptional(),
  settledAt: z.iso.datetime(),
});

/** A line of `runs/<runSeq>/carried.jsonl`: a row as in the present sheet, with the outcome of an earlier run. */
export const CarriedLine = z.object({ row: ShardRowLine, outcome: OutcomeLine });
export type CarriedLine = z.infer<typeof CarriedLine>;

/** A line of `runs/<runSeq>/renames.jsonl`: a row's image and its keys below the batch, before and after. */
export const RenameLine = z.object({ rowId, contentHash, from: z.string(), to: z.string() });
export type RenameLine = z.infer<typeof RenameLine>;

const sameBytes: z.ZodType<SameBytes> = z.object({
  images: count,
  examples: z.array(z.object({ sha256: z.string(), rowIds: z.array(rowId) })),
});

const repeatedJobs: z.ZodType<RepeatedJobs> = z.object({
  jobs: count,
  examples: z.array(z.object({ jobId, rowIds: z.array(rowId) })),
});

const missingThumbnails: z.ZodType<MissingThumbnails> = z.object({
  images: z.partialRecord(z.enum(NO_THUMBNAIL), count),
  examples: z.array(rowId),
});

const nearDuplicates: z.ZodType<NearDuplicates> = z.object({
  images: count,
  groups: count,
  notCompared: count,
  incomplete: z.boolean(),
  examples: z.array(z.object({ rowIds: z.array(rowId) })),
});

/** `runs/<runSeq>/opened/<shard>.json`: when and by which execution a shard was first opened; none of its creates is older. */
export const OpenedShard = z.object({ openedAt: z.iso.datetime(), openedBy: z.string().exactOptional() });
export type OpenedShard = z.infer<typeof OpenedShard>;

const balance = z.object({ balance: z.string(), reserved: z.string() });

const cost: z.ZodType<RunCost> = z.object({
  before: balance.nullable(),
  after: balance.nullable(),
  measured: z.string().nullable(),
  unmeasured: z.string().exactOptional(),
  expected: z.object({ least: z.string(), most: z.string() }).exactOptional(),
});

/** `report.json`: the seal, written last. */
export const Report = z.object({
  format: z.literal(1),
  batchId: z.string().transform((text) => text as BatchId),
  runSeq: z.int().min(1),
  state: z.enum(['completed', 'cancelled']),
  account: z.string(),
  tally: TallyDocument,
  /** Generations of all rows of the batch, by whether they were charged. */
  charged: z.object({ yes: count, no: count, unknown: count }),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** Absent in reports of earlier versions, which did not check. */
  sameBytes: sameBytes.exactOptional(),
  /** Absent if no job was returned for several rows or generations. */
  repeatedJobs: repeatedJobs.exactOptional(),
  /** Absent if no requested thumbnail is missing. */
  missingThumbnails: missingThumbnails.exactOptional(),
  /** Absent if the run did not request the search. */
  nearDuplicates: nearDuplicates.exactOptional(),
  /** Absent for runs without a budget. */
  budget: z
    .object({ cap: z.string(), committed: z.string(), images: count, unknown: z.string().exactOptional() })
    .exactOptional(),
  /** Absent in reports of earlier versions. */
  cost: cost.exactOptional(),
  /** sha256 of the files that this run wrote, by their keys below the batch. */
  digests,
});
export type Report = z.infer<typeof Report>;
