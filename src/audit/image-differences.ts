import { fromStoredIdentity, rowTagOf } from '../domain/images/stored-identity.js';
import type { ImageFacts, RowOutcome } from '../domain/rows/outcome.js';
import type { HashedObject } from '../storage/hash-object.js';
import type { ObjectHead } from '../storage/object-store.js';
import type { Difference } from '../ledger/audit/difference.js';

/** What lies under the key of a stored row's image: its head, and its bytes' digest where they were read. */
export interface ImageEvidence {
  readonly head: Pick<ObjectHead, 'sizeBytes' | 'metadata'> | undefined;
  readonly bytes?: HashedObject | undefined;
  /** Why its head or its bytes could not be read. */
  readonly fault?: { readonly isCorrupted: boolean; readonly reason: string } | undefined;
}

/**
 * Where an object is not the image that its row's outcome tells of. An image that a run after `lastRunSeq` has put
 * there is none of that run's business.
 */
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
