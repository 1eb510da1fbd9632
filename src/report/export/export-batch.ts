import { tmpdir } from 'node:os';
import type { Seal } from '../../ledger/audit/newest-seal.js';
import { counted } from '../../domain/text/full-stop.js';
import { UsageError } from '../../errors.js';
import { withTextFiles } from '../../ledger/files/text-file.js';
import { cardToPlace, CARD_NAME } from '../dataset-card.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { exportCard } from './export-card.js';
import { rulesOf, type ExportFormat } from './export-format.js';
import {
  MANIFEST_NAME,
  missingIn,
  UNFINISHED_NAME,
  type ExportManifest,
  type FinishedShard,
  type MissingRow,
  type UnfinishedExport,
} from './export-manifest.js';
import { type ExportPlace, fileFault } from './shard-file.js';
import { planExport, type ExportPlan, type PlannedShard } from './export-plan.js';
import { continuationOf, findExport, type Continuation } from './found-export.js';
import { writeParquetShard } from './parquet-shard.js';
import { type DamagedImage, shardImages, type RowWithImage } from './shard-images.js';
import { writeWebDatasetShard } from './webdataset-shard.js';

/** Progress of an export, for users. */
export type ExportProgress =
  | { readonly kind: 'planning'; readonly rows: number; readonly totalRows: number }
  | {
      readonly kind: 'writing';
      readonly shards: number;
      readonly totalShards: number;
      readonly images: number;
      readonly totalImages: number;
      readonly bytes: number;
      readonly totalBytes: number;
      /** Bytes of images that an earlier call wrote. */
      readonly keptBytes: number;
    };

export interface ExportInput {
  readonly store: ObjectStore;
  readonly seal: Seal;
  readonly place: ExportPlace;
  readonly format: ExportFormat;
  /** Approximate maximum of a shard's images and rows. */
  readonly shardBytes: number;
  /** Lets this export replace another one. */
  readonly overwrite: boolean;
  readonly onProgress: (progress: ExportProgress) => void;
  readonly signal: AbortSignal;
}

/** The result of an export. */
export interface Exported {
  readonly manifest: ExportManifest;
  /** Shards that an earlier call completed. */
  readonly keptShards: number;
  /** Whether the card is ours and up to date, or was kept because a person has edited it. */
  readonly card: 'written' | 'kept';
}

/**
 * Writes the images and rows of a sealed batch as shards that training tools read. If called again, it continues
 * after the last completed shard; if everything is there, it changes nothing. Rows whose image in the bucket is
 * damaged are left out and listed in `export.json`, which is written last; a later call tries them again. Throws a
 * UsageError, a `StorageError`, or the reason of an aborted `signal`.
 */
export async function exportBatch(input: ExportInput): Promise<Exported> {
  const { seal, place, onProgress } = input;
  await place.prepare();
  const found = await findExport(place);
  const { tally } = seal.report;
  return withTextFiles(async (createFile) => {
    const totalRows = tally.total - tally.rejected;
    const onRow = (rows: number): void => onProgress({ kind: 'planning', rows, totalRows });
    const plan = await planned({ ...input, createFile, onRow });
    if (plan.images === 0) {
      throw new UsageError(`Batch "${seal.run.batchId}" has no image yet, so there is nothing to export.`);
    }
    const continuation = continuationOf(found, plan, { ...input, address: place.address });
    const written = await writeShards(input, plan, continuation);
    if (plan.counts.images === 0) {
      const [first] = missingIn({ shards: written });
      throw new UsageError(
        `None of the ${counted(plan.images, 'image')} of batch "${seal.run.batchId}" can be exported. The first, of row ${JSON.stringify(first?.rowId)}: ${first?.reason}. See all with: banana-batch verify ${seal.run.batchId} --deep`,
      );
    }
    const manifest = manifestOf(input, plan, written);
    const card = await writeCard(input, plan, manifest);
    await place.writeText(MANIFEST_NAME, jsonOf(manifest), 'application/json');
    await place.delete(UNFINISHED_NAME);
    return { manifest, card, keptShards: continuation.finished.size };
  });
}

async function planned(input: Parameters<typeof planExport>[0]): Promise<ExportPlan> {
  try {
    return await planExport(input);
  } catch (error) {
    throw fileFault(
      error,
      `${tmpdir()}, which holds the rows during the export (set TMPDIR to use another folder)`,
    );
  }
}

async function writeShards(
  input: ExportInput,
  plan: ExportPlan,
  { finished, isComplete, replaces }: Continuation,
): Promise<readonly FinishedShard[]> {
  const { place, onProgress, signal } = input;
  const shards = new Map(finished);
  const note = async (): Promise<void> => {
    const unfinished: UnfinishedExport = {
      ...identityOf(input, plan),
      planned: plan.shards.map(({ name }) => name),
      replaces: [...replaces],
      shards: plan.shards.flatMap(({ name }) => shards.get(name) ?? []),
    };
    await place.writeText(UNFINISHED_NAME, jsonOf(unfinished), 'application/json');
  };
  if (!isComplete) {
    await note();
    await place.delete(MANIFEST_NAME);
    for (const name of replaces) await place.delete(name);
  }
  const progress = new Written(plan, finished, onProgress);
  for (const shard of plan.shards) {
    if (finished.has(shard.name)) continue;
    signal.throwIfAborted();
    const damaged: DamagedImage[] = [];
    const file = await writeShard(input, plan, shard, progress, (image) => damaged.push(image));
    for (const { row } of damaged) plan.counts.remove(row);
    shards.set(shard.name, {
      name: shard.name,
      images: shard.images - damaged.length,
      ...file,
      ...(damaged.length > 0 && { missing: damaged.map(missingRow) }),
    });
    progress.endShard();
    await note();
  }
  return plan.shards.flatMap(({ name }) => shards.get(name) ?? []);
}

async function writeShard(
  { store, seal, place, format, signal }: ExportInput,
  plan: ExportPlan,
  shard: PlannedShard,
  progress: Written,
  onDamaged: (image: DamagedImage) => void,
): ReturnType<ExportPlace['writeFile']> {
  const write = format === 'parquet' ? writeParquetShard : writeWebDatasetShard;
  return place.writeFile(shard.name, rulesOf(format).contentType, (file) =>
    write(progress.counting(shardImages(store, seal.run, shard, { signal, onDamaged })), plan.columns, file),
  );
}

function missingRow({ row: { rowId, imageKey: image }, reason }: DamagedImage): MissingRow {
  return { rowId, image, reason };
}

/** Counts what is written, for the progress. */
class Written {
  readonly #plan: ExportPlan;
  readonly #onProgress: ExportInput['onProgress'];
  readonly #keptBytes: number;
  #shards: number;
  #images = 0;
  #bytes = 0;

  constructor(plan: ExportPlan, finished: Continuation['finished'], onProgress: ExportInput['onProgress']) {
    this.#plan = plan;
    this.#onProgress = onProgress;
    this.#shards = finished.size;
    for (const { name, images, imageBytes } of plan.shards) {
      if (!finished.has(name)) continue;
      this.#images += images;
      this.#bytes += imageBytes;
    }
    this.#keptBytes = this.#bytes;
  }

  async *counting(images: AsyncIterable<RowWithImage>): AsyncGenerator<RowWithImage> {
    for await (const image of images) {
      this.#images += 1;
      this.#bytes += image.bytes.length;
      this.#tell();
      yield image;
    }
  }

  endShard(): void {
    this.#shards += 1;
    this.#tell();
  }

  #tell(): void {
    this.#onProgress({
      kind: 'writing',
      shards: this.#shards,
      totalShards: this.#plan.shards.length,
      images: this.#images,
      totalImages: this.#plan.images,
      bytes: this.#bytes,
      totalBytes: this.#plan.imageBytes,
      keptBytes: this.#keptBytes,
    });
  }
}

async function writeCard(
  { place, seal }: ExportInput,
  plan: ExportPlan,
  manifest: ExportManifest,
): Promise<Exported['card']> {
  const present = await place.readText(CARD_NAME);
  const { text, isEdited } = cardToPlace(exportCard(plan, manifest, seal.report), present);
  if (text !== present) await place.writeText(CARD_NAME, text, 'text/markdown; charset=utf-8');
  return isEdited ? 'kept' : 'written';
}

function identityOf(
  { seal, format, shardBytes }: ExportInput,
  plan: ExportPlan,
): Omit<UnfinishedExport, 'planned' | 'replaces' | 'shards'> {
  const { batchId, runSeq } = seal.run;
  return { format: 1, batchId, runSeq, exportFormat: format, shardBytes, plan: plan.digest };
}

function manifestOf(input: ExportInput, plan: ExportPlan, shards: readonly FinishedShard[]): ExportManifest {
  return {
    ...identityOf(input, plan),
    sealedAt: input.seal.report.endedAt,
    images: plan.counts.images,
    imageBytes: plan.counts.imageBytes,
    columns: plan.columns.map(({ name, type }) => ({ name, type })),
    shards: [...shards],
  };
}

function jsonOf(document: ExportManifest | UnfinishedExport): string {
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
