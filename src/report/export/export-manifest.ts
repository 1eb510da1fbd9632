import { z } from 'zod';
import { EXPORT_FORMATS } from './export-format.js';

/** The name under which a finished export says what it is: written last. */
export const MANIFEST_NAME = 'export.json';
/** The name of the same while the export is under way: so a later call knows what is done. */
export const UNFINISHED_NAME = 'export.unfinished.json';

const missing = z.object({
  rowId: z.string(),
  /** Below the batch. */
  image: z.string(),
  reason: z.string(),
});
/** A row that an export lacks, since its image in the bucket is damaged or gone. */
export type MissingRow = z.infer<typeof missing>;

const shard = z.object({
  name: z.string(),
  images: z.int().min(0),
  sizeBytes: z.int().min(1),
  sha256: z.string(),
  /** Rows that it should have; absent for none. */
  missing: z.array(missing).exactOptional(),
});
/** A shard that is there. */
export type FinishedShard = z.infer<typeof shard>;

const identity = {
  format: z.literal(1),
  batchId: z.string(),
  runSeq: z.int().min(1),
  exportFormat: z.enum(EXPORT_FORMATS),
  shardBytes: z.int().min(1),
  /** Names rows, columns and options: shards of the same plan are the same byte for byte. */
  plan: z.string(),
};

/** `export.json`: what a finished export holds. */
export const ExportManifest = z.object({
  ...identity,
  sealedAt: z.string(),
  images: z.int().min(1),
  imageBytes: z.int().min(1),
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  shards: z.array(shard),
});
export type ExportManifest = z.infer<typeof ExportManifest>;

/** `export.unfinished.json`: how far an export has come. */
export const UnfinishedExport = z.object({
  ...identity,
  /** Names of all shards that it will have. */
  planned: z.array(z.string()),
  /** Names of an earlier export's shards, which have to go. */
  replaces: z.array(z.string()),
  shards: z.array(shard),
});
export type UnfinishedExport = z.infer<typeof UnfinishedExport>;

/** All rows that an export lacks since their images were damaged. */
export function missingIn({ shards }: { readonly shards: readonly FinishedShard[] }): readonly MissingRow[] {
  return shards.flatMap((written) => written.missing ?? []);
}
