import { pMapIterable } from 'p-map';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import { hashObject } from '../../storage/hash-object.js';
import { at, batchRoot, reportKey } from '../../storage/layout.js';
import { readOrFault } from '../../storage/object-fault.js';
import type { ObjectRef, ObjectStore } from '../../storage/object-store.js';
import type { Difference } from './difference.js';
import { imageDifferences, type ImageEvidence } from '../../audit/image-differences.js';
import type { Seal } from './newest-seal.js';
import type { SealedRowsIndex } from './sealed-rows-index.js';

const HEADS_AT_ONCE = 64;
const READS_AT_ONCE = 16;

/** An image that was looked at. */
export interface CheckedImage {
  /** Bytes that were read; 0 where only its head was asked for. */
  readonly readBytes: number;
  readonly differences: readonly Difference[];
}

/** Looks at the image of every stored row, in the order of the rows; `deep` reads all of its bytes. One that cannot be read is a difference. Throws `StorageError` where the bucket fails. */
export async function* verifyImages(
  store: ObjectStore,
  { run }: Seal,
  index: SealedRowsIndex,
  { deep, signal }: { readonly deep: boolean; readonly signal: AbortSignal },
): AsyncGenerator<CheckedImage> {
  const witness = at(run, reportKey(run));
  const look = async (outcome: RowOutcome & { imageKey: string }): Promise<CheckedImage> => {
    const ref: ObjectRef = at(run, `${batchRoot(run)}${outcome.imageKey}`);
    const one = { store, witness, signal };
    const head = await readOrFault(() => store.head(ref, signal), one);
    const isThere = head.kind === 'read' && head.value !== undefined;
    const bytes =
      deep && isThere ? await readOrFault(() => hashObject(store, ref, { signal }), one) : undefined;
    // It may have been deleted between the two.
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
  yield* pMapIterable(storedRows(index), look, { concurrency });
}

async function* storedRows(index: SealedRowsIndex): AsyncGenerator<RowOutcome & { imageKey: string }> {
  for await (const { entry } of index.outcomes()) {
    const { end, imageKey } = entry;
    if (end.kind === 'stored' && imageKey !== undefined) yield { ...entry, imageKey };
  }
}
