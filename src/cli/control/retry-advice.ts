import { KINDS_TRIED_AGAIN, UNSTORED_KINDS } from '../../domain/rows/failure-kind.js';

/** What `retry` can do for the rows of a batch that have ended without an image; undefined if there are none. */
export function retryAdvice(
  batchId: string,
  byKind: Readonly<Partial<Record<string, number>>>,
): string | undefined {
  const left = UNSTORED_KINDS.filter((kind) => (byKind[kind] ?? 0) > 0);
  const [first] = left;
  if (first === undefined) return undefined;
  const again = left.filter((kind) => KINDS_TRIED_AGAIN.has(kind));
  return again.length > 0
    ? `Retry what may succeed (${again.join(', ')}): banana-batch retry ${batchId}`
    : `Nothing to retry: rows that ended as ${left.join(', ')} are retried only with --kind ${left.join(',')}.`;
}
