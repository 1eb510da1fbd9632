import { v5 as uuidV5 } from 'uuid';
import type { BatchId, ContentHash, RowId } from '../../domain/rows/ids.js';

/** Namespace of all our keys. Never change it: keys already sent would be bought again under new ones. */
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
 * The `Idempotency-Key` of a generation: the same after any crash or lost database, another for every other
 * generation. A UUIDv5 over a JSON array, in which no two identities are spelled alike.
 */
export function idempotencyKey(identity: GenerationIdentity): string {
  const { batchId, rowId, contentHash, generation } = identity;
  return uuidV5(JSON.stringify([batchId, rowId, contentHash, generation]), KEY_NAMESPACE);
}

/**
 * The `Idempotency-Key` of a generation whose body has parts that change with time and credentials: another one for
 * every body, so that none is ever replayed with another. `generationKey` is what `idempotencyKey` gives; `partsSha256`
 * is over those parts.
 */
export function idempotencyKeyOfBody(generationKey: string, partsSha256: string): string {
  return uuidV5(JSON.stringify([generationKey, partsSha256]), KEY_NAMESPACE);
}
