import { v5 as uuidV5 } from 'uuid';
import type { BatchId, ContentHash, RowId } from '../../domain/rows/ids.js';

/** Namespace of all our keys. Never change it: generations already bought would be bought again under new keys. */
const KEY_NAMESPACE = '6f2d8a54-3c1b-4e7a-9b60-d2f1c08e5a37';

/** One paid attempt at one row's image. */
export interface GenerationIdentity {
  readonly batchId: BatchId;
  readonly rowId: RowId;
  readonly contentHash: ContentHash;
  /** 1, 2, …, counted per row and content hash. */
  readonly generation: number;
}

/**
 * The `Idempotency-Key` of a generation: unchanged after any crash or lost database, different for every other
 * generation. A UUIDv5 over a JSON array, which encodes no two identities the same way.
 */
export function idempotencyKey(identity: GenerationIdentity): string {
  const { batchId, rowId, contentHash, generation } = identity;
  return uuidV5(JSON.stringify([batchId, rowId, contentHash, generation]), KEY_NAMESPACE);
}

/**
 * The `Idempotency-Key` of a generation whose body has parts that change with time and credentials: a different key
 * for each body, so that none is replayed with another. `generationKey` is the result of `idempotencyKey`;
 * `partsSha256` covers those parts.
 */
export function idempotencyKeyOfBody(generationKey: string, partsSha256: string): string {
  return uuidV5(JSON.stringify([generationKey, partsSha256]), KEY_NAMESPACE);
}
