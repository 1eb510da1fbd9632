import { z } from 'zod';
import { EXPORT_FORMATS } from './export-format.js';

/** The manifest of a finished export: written last. */
export const MANIFEST_NAME = 'export.json';
/** The name of the manifest during the export, from which a later call continues. */
export const UNFINISHED_NAME = 'export.unfinished.json';

const missing = z.object({
  rowId: z.string(),
  /** Below the batch. */
  image: z.string(),
  reason: z.string(),
});
/** A row that an export lacks because its image in the bucket is damaged or gone. */
export type MissingRow = z.infer<typeof missing>;

const shard = z.object({
  name: z.string(),
  images: z.int().min(0),
  sizeBytes: z.int().min(1),
  sha256: z.string(),
  /** Rows that it lacks; absent: none. */
  missing: z.array(missing).exactOptional(),
});
/** A completed shard. */
export type FinishedShard = z.infer<typeof shard>;

const identity = {
  format: z.literal(1),
  batchId: z.string(),
  runSeq: z.int().min(1),
  exportFormat: z.enum(EXPORT_FORMATS),
  shardBytes: z.int().min(1),
  /** Identifies rows, columns and options: shards of the same plan are byte-for-byte identical. */
  plan: z.string(),
};

/** `export.json`: the content of a finished export. */
export const ExportManifest = z.object({
  ...identity,
  sealedAt: z.string(),
  images: z.int().min(1),
  imageBytes: z.int().min(1),
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  shards: z.array(shard),
});
export type ExportManifest = z.infer<typeof ExportManifest>;

/** `export.unfinished.json`: the progress of an export. */
export const UnfinishedExport = z.object({
  ...identity,
  /** Names of all planned shards. */
  planned: z.array(z.string()),
  /** Names of an earlier export's shards, which must be deleted. */
  replaces: z.array(z.string()),
  shards: z.array(shard),
});
export type UnfinishedExport = z.infer<typeof UnfinishedExport>;

/** All rows that an export lacks because their images were damaged. */
export function missingIn({ shards }: { readonly shards: readonly FinishedShard[] }): readonly MissingRow[] {
  return shards.flatMap((written) => written.missing ?? []);
}
