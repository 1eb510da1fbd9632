import { pMapIterable } from 'p-map';
import { fromStoredIdentity, rowTagOf } from '../../domain/images/stored-identity.js';
import type { RowOutcome, ImageFacts } from '../../domain/rows/outcome.js';
import { hashObject, type HashedObject } from '../../storage/hash-object.js';
import { at, batchRoot, reportKey } from '../../storage/layout.js';
import { readOrFault } from '../../storage/object-fault.js';
import type { ObjectRef, ObjectStore, ObjectHead } from '../../storage/object-store.js';
import type { Difference } from './difference.js';
import type { Seal } from './newest-seal.js';
import type { SealedRowsIndex } from './sealed-rows-index.js';

const HEADS_AT_ONCE = 64;
const READS_AT_ONCE = 16;

/** A checked image. */
export interface CheckedImage {
  /** Bytes that were read; 0 if only its head was requested. */
  readonly readBytes: number;
  readonly differences: readonly Difference[];
}

/**
 * Checks the image of every stored row, in row order; `deep` reads all of its bytes. An unreadable one is a
 * difference. Throws `StorageError` if the bucket fails.
 */
export async function* verifyImages(
  store: ObjectStore,
  { run }: Seal,
  index: SealedRowsIndex,
  { deep, signal }: { readonly deep: boolean; readonly signal: AbortSignal },
): AsyncGenerator<CheckedImage> {
  const witness = at(run, reportKey(run));
  const checkImage = async (outcome: RowOutcome & { imageKey: string }): Promise<CheckedImage> => {
    const ref: ObjectRef = at(run, `${batchRoot(run)}${outcome.imageKey}`);
    const one = { store, witness, signal };
    const head = await readOrFault(() => store.head(ref, signal), one);
    const isThere = head.kind === 'read' && head.value !== undefined;
    const bytes =
      deep && isThere ? await readOrFault(() => hashObject(store, ref, { signal }), one) : undefined;
    // It may have been deleted between the two requests.
    const isGone = bytes?.kind === 'read' && bytes.value === undefined;
    const evidence: ImageEvidence = {
      head: head.kind === 'read' && !isGone ? head.value : undefined,
      bytes: bytes?.kind === 'read' ? bytes.value : undefined,
      fault: head.kind === 'unreadable' ? head : bytes?.kind === 'unreadable' ? bytes : undefined,
    };
    return {
      readBytes: evidence.bytes?.sizeBytes ?? 0,
      differences: imageDifferences(outcome, evidence, run.runSeq),
    };
  };
  const concurrency = deep ? READS_AT_ONCE : HEADS_AT_ONCE;
  yield* pMapIterable(storedRows(index), checkImage, { concurrency });
}

async function* storedRows(index: SealedRowsIndex): AsyncGenerator<RowOutcome & { imageKey: string }> {
  for await (const { entry } of index.outcomes()) {
    const { end, imageKey } = entry;
    if (end.kind === 'stored' && imageKey !== undefined) yield { ...entry, imageKey };
  }
}

/** What is under the key of a stored row's image: its head, and its bytes' digest if they were read. */
export interface ImageEvidence {
  readonly head: Pick<ObjectHead, 'sizeBytes' | 'metadata'> | undefined;
  readonly bytes?: HashedObject | undefined;
  /** Why its head or its bytes could not be read. */
  readonly fault?: { readonly isCorrupted: boolean; readonly reason: string } | undefined;
}

/** Differences between an object and the image in its row's outcome. Ignores an image that a run after `lastRunSeq` has put there. */
export function imageDifferences(
  { rowId, contentHash, end, imageKey }: RowOutcome,
  { head, bytes, fault }: ImageEvidence,
  lastRunSeq: number,
): readonly Difference[] {
  if (end.kind !== 'stored' || imageKey === undefined) return [];
  const about = { key: imageKey, rowId };
  if (!head) return [fault ? unreadable(about, fault, end.image) : { kind: 'missing-image', ...about }];
  const identity = fromStoredIdentity(head.metadata);
  if (identity && identity.runSeq > lastRunSeq) return [];
  const { image } = end;
  const differences: Difference[] = [];
  if (!identity || identity.contentHash !== contentHash) {
    differences.push({
      kind: 'wrong-identity',
      ...about,
      expected: `content ${contentHash}`,
      found: identity ? `content ${identity.contentHash}` : 'no identity',
    });
  } else if (identity.rowTag !== undefined && identity.rowTag !== rowTagOf(rowId)) {
    differences.push({
      kind: 'wrong-identity',
      ...about,
      expected: `row tag ${rowTagOf(rowId)}`,
      found: `row tag ${identity.rowTag}`,
    });
  }
  const sha256 = bytes?.sha256 ?? identity?.image.sha256;
  if (head.sizeBytes !== image.sizeBytes) {
    const found = `${head.sizeBytes} bytes`;
    differences.push({ kind: 'changed-image', ...about, expected: `${image.sizeBytes} bytes`, found });
  } else if (sha256 !== undefined && sha256 !== image.sha256) {
    const found = `sha256 ${sha256}`;
    differences.push({ kind: 'changed-image', ...about, expected: `sha256 ${image.sha256}`, found });
  } else if (fault) {
    differences.push(unreadable(about, fault, image));
  }
  return differences;
}

function unreadable(
  about: Pick<Difference, 'key' | 'rowId'>,
  { isCorrupted, reason }: NonNullable<ImageEvidence['fault']>,
  { sha256 }: ImageFacts,
): Difference {
  const kind = isCorrupted ? 'changed-image' : 'unreadable-image';
  return { kind, ...about, expected: `sha256 ${sha256}`, found: reason };
}
