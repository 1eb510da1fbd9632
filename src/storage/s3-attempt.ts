import { sharedSignal } from '../network/shared-signal.js';
import { type S3Call, storageErrorOf } from './s3/s3-error.js';

/** Runs one call of the SDK; what it throws becomes the reason of an aborted `signal`, else a `StorageError`. */
export async function attemptS3<T>(
  call: S3Call,
  signal: AbortSignal | undefined,
  run: () => Promise<T>,
): Promise<T> {
  try {
    signal?.throwIfAborted();
    return await run();
  } catch (error) {
    signal?.throwIfAborted();
    throw storageErrorOf(error, call);
  }
}

/** A signal in the form that the SDK's `send` takes. */
export function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: sharedSignal(signal) };
}
