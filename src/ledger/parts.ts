import { type RowOutcome, type SettledEnd, type SettledRow, phaseReached } from '../domain/rows/outcome.js';
import type { ShardRow } from '../domain/rows/row.js';
import { generationsTogether } from '../domain/rows/row-plan.js';
import { OutcomeLine, OpenedShard } from './documents.js';
import { readJsonLines, toJsonLines } from './files/json-lines.js';
import { at, batchRoot, imageKey, partsPrefix, type RunRef, openedKey } from '../storage/layout.js';
import { type ObjectStore, StorageError } from '../storage/object-store.js';
import { readDocument, readDocumentIfAny } from './files/read-document.js';

/** A part in the bucket, by its numbers. */
export interface PartRef {
  readonly key: string;
  readonly shard: number;
  readonly part: number;
}

const PART_NAME = /(\d+)-(\d+)\.jsonl$/;

/** The parts that a run, or one of its shards, has recorded so far, by shard and number. */
export async function listParts(
  store: ObjectStore,
  run: RunRef,
  shard?: number,
): Promise<readonly PartRef[]> {
  const prefix = partsPrefix(run, run.runSeq);
  const narrowed = shard === undefined ? prefix : `${prefix}${String(shard).padStart(5, '0')}-`;
  const parts: PartRef[] = [];
  for await (const { key } of store.list(run.bucket, narrowed)) {
    const [, shardText, partText] = PART_NAME.exec(key) ?? [];
    if (shardText && partText) parts.push({ key, shard: Number(shardText), part: Number(partText) });
  }
  return parts.toSorted((a, b) => a.shard - b.shard || a.part - b.part);
}

/** The parts that a run has recorded so far, shard by shard, in order within each shard. */
export async function listPartsByShard(
  store: ObjectStore,
  run: RunRef,
): Promise<ReadonlyMap<number, readonly PartRef[]>> {
  const shards = new Map<number, PartRef[]>();
  for (const part of await listParts(store, run)) {
    const parts = shards.get(part.shard);
    if (parts) parts.push(part);
    else shards.set(part.shard, [part]);
  }
  return shards;
}

/** The outcomes in the given parts, by position; if a row has two, the later one counts. */
export async function readParts(
  store: ObjectStore,
  run: RunRef,
  parts: readonly PartRef[],
): Promise<Map<number, RowOutcome>> {
  const outcomes = new Map<number, RowOutcome>();
  for (const { key } of parts) {
    const stream = await store.read(at(run, key));
    for await (const outcome of readJsonLines(stream, OutcomeLine, key)) {
      outcomes.set(outcome.position, outcome);
    }
  }
  return outcomes;
}

/** A settled row as written to the bucket. One with an earlier image and no new one is stored as before. */
export function toOutcome(run: RunRef, row: ShardRow, settled: Omit<SettledRow, 'row'>): RowOutcome {
  const { generations, settledAtMs } = settled;
  const { position, rowId, contentHash } = row;
  const all = generationsTogether(row.earlier ?? [], generations);
  const ended = endAndImage(run, row, settled.end);
  return {
    position,
    rowId,
    contentHash,
    runSeq: run.runSeq,
    generations: all,
    ...ended,
    phase: phaseReached({ end: ended.end, generations: all }),
    settledAt: new Date(settledAtMs).toISOString(),
  };
}

function endAndImage(
  run: RunRef,
  { position, imageName, keptImage }: ShardRow,
  end: SettledEnd,
): Pick<RowOutcome, 'end' | 'imageKey'> {
  if (end.kind === 'stored') {
    return { end, imageKey: imageKey(run, imageName, end.image.type).slice(batchRoot(run).length) };
  }
  if (keptImage) return keptImage;
  if (end.kind === 'kept') throw new Error(`The row at position ${position} has no image to keep.`);
  return { end };
}

/** Records that a workflow opens a shard, by default now; only the first record counts. Returns who first opened it, and when. */
export async function noteOpened(
  store: ObjectStore,
  run: RunRef,
  shard: number,
  { openedAt = new Date().toISOString(), ...by }: Partial<OpenedShard>,
): Promise<{ readonly openedAtMs: number; readonly openedBy: string | undefined }> {
  const ref = at(run, openedKey(run, run.runSeq, shard));
  const opened: OpenedShard = { openedAt, ...by };
  try {
    await store.put(ref, toJsonLines([opened]), {
      contentType: 'application/json',
      condition: { kind: 'absent' },
    });
    return { openedAtMs: Date.parse(opened.openedAt), openedBy: by.openedBy };
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'precondition-failed') throw error;
  }
  const first = await readDocument(store, ref, OpenedShard);
  return { openedAtMs: Date.parse(first.openedAt), openedBy: first.openedBy };
}

/** When a shard was first opened; undefined if no create of it was ever sent. */
export async function openedAtMs(
  store: ObjectStore,
  run: RunRef,
  shard: number,
): Promise<number | undefined> {
  const opened = await readDocumentIfAny(store, at(run, openedKey(run, run.runSeq, shard)), OpenedShard);
  return opened && Date.parse(opened.openedAt);
}
