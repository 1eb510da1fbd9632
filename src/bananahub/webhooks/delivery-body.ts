import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { isSafeJobId } from '../schema.js';
import type { JobId } from '../../domain/rows/ids.js';

/** The service posts a job's JSON: some hundred bytes, and a presigned URL. */
const MAX_BODY_BYTES = 64 * 1024;

/** Nothing else in it is trusted. */
const DeliveryBody = z.object({ job_id: z.custom<JobId>((id) => typeof id === 'string' && isSafeJobId(id)) });

/** The content of a delivery: the job that has supposedly ended, or why it is unreadable. */
export type DeliveryBody =
  | { readonly kind: 'job'; readonly jobId: JobId }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'unreadable' };

/** Reads a request's body, at most 64 KiB of it. Rejects if the connection breaks. */
export async function readDelivery(request: IncomingMessage): Promise<DeliveryBody> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return { kind: 'too-large' };
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  // A connection that is left open can still be answered.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const bytes: Uint8Array = chunk;
    sizeBytes += bytes.length;
    if (sizeBytes > MAX_BODY_BYTES) return { kind: 'too-large' };
    chunks.push(bytes);
  }
  const body = DeliveryBody.safeParse(jsonIn(Buffer.concat(chunks).toString('utf8')));
  return body.success ? { kind: 'job', jobId: body.data.job_id } : { kind: 'unreadable' };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
