import { addAbortSignal, Readable } from 'node:stream';
import { StorageError } from '../object-store.js';
import { type S3Call, storageErrorOf } from './s3-error.js';

/**
 * A body that ends without error only if it is complete: an interrupted one, or one shorter than declared, ends with
 * a `StorageError`; an aborted `signal` ends it with the signal's reason.
 */
export function wholeBody(
  source: Readable,
  declared: {
    readonly sizeBytes: number | undefined;
    readonly call: S3Call;
    readonly signal: AbortSignal | undefined;
  },
): Readable {
  if (declared.signal !== undefined) addAbortSignal(declared.signal, source);
  return Readable.from(checkedChunks(source, declared), { objectMode: false });
}

async function* checkedChunks(
  source: Readable,
  { sizeBytes, call, signal }: Parameters<typeof wholeBody>[1],
): AsyncGenerator<Uint8Array> {
  let size = 0;
  try {
    for await (const chunk of source) {
      const bytes: Uint8Array = chunk;
      size += bytes.length;
      yield bytes;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw storageErrorOf(error, call);
  }
  signal?.throwIfAborted();
  if (sizeBytes !== undefined && size !== sizeBytes) {
    const place = `s3://${call.bucket}/${call.key ?? ''}`;
    throw new StorageError(
      'unreachable',
      call,
      `${call.action} ${place} was cut off after ${size} of ${sizeBytes} bytes.`,
    );
  }
}
