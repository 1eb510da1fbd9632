import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Seal } from '../../ledger/audit/newest-seal.js';
import { LabelTypes } from '../../domain/rows/label-types.js';
import { UsageError } from '../../errors.js';
import { BatchFile } from '../../ledger/documents.js';
import { readJsonLines } from '../../ledger/files/json-lines.js';
import { withLocalCopies, type Fetch, type LocalCopy } from '../../ledger/files/local-copies.js';
import { readDocument } from '../../ledger/files/read-document.js';
import type { TextFile } from '../../ledger/files/text-file.js';
import { CardCounts } from '../card-counts.js';
import { at, batchFileKey, batchRoot, outcomesKey } from '../../storage/layout.js';
import { type ObjectStore, StorageError, type ObjectRef } from '../../storage/object-store.js';
import { exportColumns, type ExportColumn } from './export-columns.js';
import { laneOf, rulesOf, shardName, type ExportFormat } from './export-format.js';
import { ExportRow, exportRowOf } from './export-row.js';
import { rowsAfterRun } from '../../ledger/run-rows.js';

/** A planned shard. */
export interface PlannedShard extends ShardSlice {
  readonly name: string;
  /** The one type of its images; undefined if they may be of several. */
  readonly imageType: string | undefined;
  /** The local file with its rows. */
  readonly rowsPath: string;
}

/** The content of an export: deterministic for the same sealed rows and options. */
export interface ExportPlan {
  /** Identifies all of it: shards of two plans with the same digest are byte-for-byte identical. */
  readonly digest: string;
  readonly columns: readonly ExportColumn[];
  readonly shards: readonly PlannedShard[];
  readonly images: number;
  readonly imageBytes: number;
  readonly counts: CardCounts;
}

export interface PlanInput {
  readonly store: ObjectStore;
  readonly seal: Seal;
  readonly format: ExportFormat;
  readonly shardBytes: number;
  readonly createFile: (name: string) => TextFile;
  readonly onRow: (done: number) => void;
  readonly signal: AbortSignal;
}

/** Increase it when the same rows and options give different shards. */
const LAYOUT = 1;

/** Reads a sealed batch's rows once, and writes the stored ones to local files, shard after shard. */
export async function planExport(input: PlanInput): Promise<ExportPlan> {
  const { store, seal, format, shardBytes, signal } = input;
  const { labelColumns, hasInputs } = await readDocument(
    store,
    at(seal.run, batchFileKey(seal.run)),
    BatchFile,
  );
  const labels = new LabelTypes(labelColumns);
  const counts = new CardCounts();
  const lanes = new Lanes(input);
  await withLocalCopies(store, signal, async (fetch) => {
    let rows = 0;
    for await (const row of sealedExportRows(store, seal, fetch)) {
      signal.throwIfAborted();
      input.onRow((rows += 1));
      if (!row) continue;
      labels.note(row.labels);
      counts.add(row);
      await lanes.add(row);
    }
  });
  const columns = exportColumns(labels, hasInputs);
  const { slices, digests } = await lanes.end();
  const identity = JSON.stringify({ layout: LAYOUT, format, shardBytes, columns, digests });
  return {
    digest: createHash('sha256').update(identity).digest('hex'),
    columns,
    shards: slices.map((slice, index) => ({ ...slice, name: shardName(format, index, slices.length) })),
    images: counts.images,
    imageBytes: slices.reduce((sum, { imageBytes }) => sum + imageBytes, 0),
    counts,
  };
}

/** The sequences of shards: one, or one for each type of image if shards may not mix types. */
class Lanes {
  readonly #input: PlanInput;
  readonly #lanes = new Map<string, { readonly file: TextFile; readonly split: ShardSplit }>();

  constructor(input: PlanInput) {
    this.#input = input;
  }

  async add(row: ExportRow): Promise<void> {
    const { format, shardBytes, createFile } = this.#input;
    const name = laneOf(format, row.image.type);
    let lane = this.#lanes.get(name);
    if (!lane) {
      lane = { file: createFile(`${name}.jsonl`), split: new ShardSplit(shardBytes) };
      this.#lanes.set(name, lane);
    }
    const line = `${JSON.stringify(row)}\n`;
    const lineBytes = Buffer.byteLength(line);
    const imageBytes = row.image.sizeBytes;
    const inShard = imageBytes + lineBytes + rulesOf(format).rowOverheadBytes;
    lane.split.add({ lineBytes, imageBytes, shardBytes: inShard });
    await lane.file.write(line);
  }

  async end(): Promise<{
    readonly slices: readonly Omit<PlannedShard, 'name'>[];
    readonly digests: readonly string[];
  }> {
    const slices: Omit<PlannedShard, 'name'>[] = [];
    const digests: string[] = [];
    for (const [name, { file, split }] of [...this.#lanes].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      digests.push(name, await file.end());
      const imageType = rulesOf(this.#input.format).oneTypeAShard ? name : undefined;
      for (const slice of split.slices) slices.push({ ...slice, imageType, rowsPath: file.path });
    }
    return { slices, digests };
  }
}

/** The rows of a planned shard, in order. */
export function rowsOfShard({ rowsPath, start, end }: PlannedShard): AsyncGenerator<ExportRow> {
  return readJsonLines(createReadStream(rowsPath, { start, end: end - 1 }), ExportRow, rowsPath);
}

/**
 * Every row of a sealed batch in order; undefined for one without an image. Copies its files first, so that they can
 * be read slowly. Throws `StorageError`, and a UsageError if the outcomes are not the sealed ones.
 */
async function* sealedExportRows(
  store: ObjectStore,
  { run, report }: Seal,
  fetch: Fetch,
): AsyncGenerator<ExportRow | undefined> {
  const outcomes = outcomesKey(run, run.runSeq);
  const copies = new Map<string, LocalCopy>();
  const fetched = async (ref: ObjectRef): Promise<LocalCopy> => {
    const copy = copies.get(ref.key) ?? (await fetch(ref));
    if (!copy)
      throw new StorageError('not-found', ref, `read s3://${ref.bucket}/${ref.key} failed: not found.`);
    return copy;
  };
  const sealed = await fetched(at(run, outcomes));
  copies.set(outcomes, sealed);
  const digest = report.digests[outcomes.slice(batchRoot(run).length)];
  if (digest !== undefined && digest !== sealed.sha256) {
    throw new UsageError(
      `${outcomes} differs from report.json, so nothing was exported. See what differs with: banana-batch verify ${run.batchId}`,
    );
  }
  const local: ObjectStore = { ...store, read: async (ref) => (await fetched(ref)).read() };
  for await (const { row, before } of rowsAfterRun(local, run)) yield exportRowOf(row, before.outcome);
}

/** A future shard: a slice of the file with the rows. */
export interface ShardSlice {
  /** Byte offsets in that file; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  readonly images: number;
  readonly imageBytes: number;
}

/** Splits rows into shards of at most `limitBytes`, in order; only a single row that is larger makes a larger one. */
export class ShardSplit {
  readonly #limitBytes: number;
  readonly #slices: ShardSlice[] = [];
  #open: ShardSlice = { start: 0, end: 0, images: 0, imageBytes: 0 };
  #openBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Adds the next row: length of its line in the file, its image, and its size in a shard. */
  add(row: { readonly lineBytes: number; readonly imageBytes: number; readonly shardBytes: number }): void {
    if (this.#open.images > 0 && this.#openBytes + row.shardBytes > this.#limitBytes) this.#cut();
    const { start, end, images, imageBytes } = this.#open;
    this.#open = {
      start,
      end: end + row.lineBytes,
      images: images + 1,
      imageBytes: imageBytes + row.imageBytes,
    };
    this.#openBytes += row.shardBytes;
  }

  /** All shards, including the last one. */
  get slices(): readonly ShardSlice[] {
    return this.#open.images > 0 ? [...this.#slices, this.#open] : this.#slices;
  }

  #cut(): void {
    this.#slices.push(this.#open);
    this.#open = { start: this.#open.end, end: this.#open.end, images: 0, imageBytes: 0 };
    this.#openBytes = 0;
  }
}
