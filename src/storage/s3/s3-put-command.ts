import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import type { ObjectRef, PutOptions } from '../object-store.js';

/** Bytes to put and their properties; `sha256` is lower-case hex. */
export interface PutBody {
  readonly content: Uint8Array | Readable;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * A put that the server checks against the body's sha256, signed with that same hash: without the middleware the SDK
 * would hash the whole body again for its signature, and not sign a streamed body at all.
 */
export function putCommand(ref: ObjectRef, body: PutBody, options: PutOptions): PutObjectCommand {
  const command = new PutObjectCommand({
    Bucket: ref.bucket,
    Key: ref.key,
    Body: body.content,
    ContentLength: body.sizeBytes,
    ContentType: options.contentType,
    ChecksumSHA256: Buffer.from(body.sha256, 'hex').toString('base64'),
    ...(options.metadata === undefined ? {} : { Metadata: { ...options.metadata } }),
    ...conditionHeaders(options.condition),
  });
  command.middlewareStack.add(
    (next) => (args) => {
      if (hasHeaders(args.request)) args.request.headers['x-amz-content-sha256'] = body.sha256;
      return next(args);
    },
    { step: 'build', name: 'reuseBodySha256' },
  );
  return command;
}

/** The headers of a put's condition. */
export function conditionHeaders(condition: PutOptions['condition']): {
  IfNoneMatch?: string;
  IfMatch?: string;
} {
  if (condition === undefined) return {};
  return condition.kind === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.etag };
}

/** Whether a middleware's input is a request with changeable headers. */
export function hasHeaders(request: unknown): request is { headers: Record<string, string> } {
  return typeof request === 'object' && request !== null && 'headers' in request;
}
