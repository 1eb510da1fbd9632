import { z } from 'zod';
import { MODELS, RESOLUTIONS } from '../domain/generation-settings.js';
import { FAILURE_KINDS } from '../domain/failure-kind.js';
import type { BatchId, ContentHash, JobId, RowId } from '../domain/ids.js';
import type { JsonValue } from '../domain/json.js';
import type { RowOutcome } from '../domain/outcome.js';
import { PHASES_REACHED } from '../domain/phase-reached.js';
import type { ShardRow } from '../domain/row.js';
import type { SameBytes } from '../domain/same-bytes.js';
import type { Tally } from '../domain/tally.js';
import { SheetSettings } from '../sheet/sheet-settings.js';
import type { RunSettings } from '../workflows/messages.js';

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

/** What a run was asked to do: `runs/<runSeq>/request.json`, written once by whoever submits. */
export const RunRequest = z.object({
  /** Key of the sheet, byte for byte as submitted, below the bucket. */
  sheetKey: z.string(),
  /** Its name when submitted: tells the format by its extension, and messages name it. */
  sheetName: z.string(),
  sheet: SheetSettings,
  /** Images that the sheet makes, as counted when it was submitted: decides how long the shards are. */
  rows: count.default(0),
  submittedAt: z.iso.datetime(),
});
export type RunRequest = z.infer<typeof RunRequest>;

const digests = z.record(z.string(), z.string());

const runSettings: z.ZodType<RunSettings> = z.object({
  concurrency: count,
  maxGenerations: count,
  jobTimeoutMs: count.exactOptional(),
  graceMs: count,
  idempotencyHorizonMs: count,
  probeFirstMs: count,
  probeLongestMs: count,
  maxFailureRate: count.exactOptional(),
});

/** `batch.json`: whose batch it is and what the last ingest found. */
export const BatchFile = z.object({
  format: z.literal(1),
  batchId: z.string().transform((text) => text as BatchId),
  /** Origin of the API and a fingerprint of the key. */
  account: z.string(),
  runSeq: z.int().min(1),
  sheet: RunRequest,
  settings: runSettings,
  /** Carried columns in the order of the sheet. */
  labelColumns: z.array(z.string()),
  delimiter: z.string(),
  shardCount: count,
  rows: count,
  carried: count,
  rejected: count,
  ingestedAt: z.iso.datetime(),
  /** sha256 of the files that ingest wrote besides this one, by their keys below the batch. */
  digests,
});
export type BatchFile = z.infer<typeof BatchFile>;

const generationRecord = z.object({
  generation: z.int().min(1),
  jobId: jobId.exactOptional(),
  end: z.enum(['done', 'failed', 'gone', 'unfinished', 'invalid', 'unanswered', 'open']),
  charged: z.enum(['yes', 'no', 'unknown']),
  unansweredSinceMs: z.number().exactOptional(),
  message: z.string().exactOptional(),
});

/** A line of `runs/<runSeq>/rows/…jsonl`. */
export const ShardRowLine: z.ZodType<ShardRow> = z.object({
  position: count,
  line: count,
  rowId,
  contentHash,
  prompt: z.string(),
  model: z.enum(MODELS),
  aspectRatio: z.string(),
  resolution: z.enum(RESOLUTIONS),
  inputImages: z.array(z.string()),
  imageName: z.string(),
  labels: z.record(z.string(), json),
  generation: z.int().min(1),
  jobId: jobId.exactOptional(),
  unansweredSinceMs: z.number().exactOptional(),
  earlier: z.array(generationRecord).exactOptional(),
});

const rowEnd = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('stored'),
    adopted: z.boolean(),
    image: z.object({
      type: z.enum(['png', 'jpg', 'webp']),
      width: z.int(),
      height: z.int(),
      sizeBytes: count,
      sha256: z.string(),
    }),
  }),
  z.object({ kind: z.literal('failed'), failure: z.enum(FAILURE_KINDS), message: z.string() }),
  z.object({ kind: z.literal('cancelled') }),
]);

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

/** A line of `runs/<runSeq>/carried.jsonl`: a row as the sheet has it now, with the outcome of an earlier run. */
export const CarriedLine = z.object({ row: ShardRowLine, outcome: OutcomeLine });
export type CarriedLine = z.infer<typeof CarriedLine>;

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

const sameBytes: z.ZodType<SameBytes> = z.object({
  images: count,
  examples: z.array(z.object({ sha256: z.string(), rowIds: z.array(rowId) })),
});

/** `report.json`: the seal, written last. */
export const Report = z.object({
  format: z.literal(1),
  batchId: z.string().transform((text) => text as BatchId),
  runSeq: z.int().min(1),
  state: z.enum(['completed', 'cancelled']),
  account: z.string(),
  tally: TallyDocument,
  /** Generations by whether they were charged, over all rows of the batch. */
  charged: z.object({ yes: count, no: count, unknown: count }),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** Absent in reports of earlier versions, which did not look for them. */
  sameBytes: sameBytes.exactOptional(),
  /** sha256 of the files that this run wrote, by their keys below the batch. */
  digests,
});
export type Report = z.infer<typeof Report>;
