import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { connectionFaultCode } from './http/connection-fault.js';
import { ImageDownloadError } from './images/image-download-error.js';

const FIRST_SIZE_BYTES = 2 * 1024 * 1024;

/**
 * Reads a body into one buffer and hashes it on the way. With `length` the buffer is made at once and the body must be
 * exactly that long; without, it grows to at most `maxBytes`. Throws `ImageDownloadError`, or the stream's own error
 * where it timed out or was aborted.
 */
export async function readBody(
  body: Readable,
  limits: { readonly length: number | undefined; readonly maxBytes: number; readonly host: string },
): Promise<{ readonly body: Buffer; readonly sha256: string }> {
  const { length, maxBytes, host } = limits;
  const hash = createHash('sha256');
  let buffer: Buffer = Buffer.allocUnsafeSlow(length ?? Math.min(FIRST_SIZE_BYTES, maxBytes));
  let size = 0;
  try {
    for await (const chunk of body) {
      const bytes: Uint8Array = chunk;
      const end = size + bytes.length;
      if (length !== undefined && end > length) throw cut(host, `more than the ${length} bytes declared`);
      if (end > maxBytes) {
        throw new ImageDownloadError('too-large', `The image from ${host} is larger than ${maxBytes} bytes.`);
      }
      if (end > buffer.length)
        buffer = grown(buffer, size, Math.min(Math.max(end, buffer.length * 2), maxBytes));
      buffer.set(bytes, size);
      hash.update(bytes);
      size = end;
    }
  } catch (error) {
    if (connectionFaultCode(error) !== 'UND_ERR_SOCKET' && connectionFaultCode(error) !== 'ECONNRESET')
      throw error;
    throw cut(host, `${size} bytes, then the connection broke`, error);
  }
  if (size === 0 || (length !== undefined && size < length))
    throw cut(host, `${size} of ${length ?? 'some'} bytes`);
  return { body: buffer.subarray(0, size), sha256: hash.digest('hex') };
}

function cut(host: string, what: string, cause?: unknown): ImageDownloadError {
  return new ImageDownloadError('truncated', `The image from ${host} is incomplete: ${what}.`, { cause });
}

function grown(buffer: Buffer, used: number, sizeBytes: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(sizeBytes);
  larger.set(buffer.subarray(0, used));
  return larger;
}
