import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Seal } from '../../ledger/audit/newest-seal.js';
import { LabelTypes } from '../../domain/rows/label-types.js';
import { BatchFile } from '../../ledger/documents.js';
import { readJsonLines } from '../../ledger/files/json-lines.js';
import { withLocalCopies } from '../../ledger/files/local-copies.js';
import { readDocument } from '../../ledger/files/read-document.js';
import type { TextFile } from '../../ledger/files/text-file.js';
import { CardCounts } from '../card-counts.js';
import { at, batchFileKey } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { exportColumns, type ExportColumn } from './export-columns.js';
import { laneOf, rulesOf, shardName, type ExportFormat } from './export-format.js';
import { ExportRow } from './export-row.js';
import { sealedExportRows } from '../../export/sealed-export-rows.js';
import { ShardSplit, type ShardSlice } from '../../export/shard-split.js';

/** A shard to be written. */
export interface PlannedShard extends ShardSlice {
  readonly name: string;
  /** The one type of its images; undefined where they may be of several. */
  readonly imageType: string | undefined;
  /** The local file in which its rows lie. */
  readonly rowsPath: string;
}

/** What an export will consist of: the same for the same sealed rows and options, whenever it is made. */
export interface ExportPlan {
  /** Names all of it: shards of two plans with the same digest are the same byte for byte. */
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

/** Goes up when the shards of the same rows and options become other ones. */
const LAYOUT = 1;

/** Reads a sealed batch's rows once, and lays the stored ones down in local files, shard after shard. */
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

/** The sequences of shards: one, or one for each type of image where shards may not mix them. */
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
