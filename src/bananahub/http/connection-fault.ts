import type { Dispatcher } from 'undici';
import type { Redact } from '../texts/redact-secrets.js';
import { publicText } from '../texts/service-text.js';

/** What broke a connection, as text: several addresses tried at once fail with an AggregateError without a message. */
export function connectionFaultText(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map(connectionFaultText))].join('; ');
  }
  if (!(error instanceof Error)) return String(error);
  return error.message || connectionFaultCode(error) || error.name;
}

/** The code of a Node or undici error; empty without one. */
export function connectionFaultCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The same fault with only text and code: connection errors may contain bytes from the other side. */
export function withoutDetails(error: unknown, redact?: Redact): Error {
  const fault = new Error(publicText(connectionFaultText(error), redact));
  const code = connectionFaultCode(error);
  return code === '' ? fault : Object.assign(fault, { code });
}

/** The body as UTF-8, up to `maxBytes`; the rest is not read. */
export async function readBoundedText(
  body: Dispatcher.ResponseData['body'],
  maxBytes: number,
): Promise<{ readonly text: string; readonly cut: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes: Uint8Array = chunk;
    const room = maxBytes - size;
    chunks.push(bytes.subarray(0, room));
    size += bytes.length;
    if (bytes.length > room) return { text: Buffer.concat(chunks).toString('utf8'), cut: true };
  }
  return { text: Buffer.concat(chunks).toString('utf8'), cut: false };
}

const MAX_MS = 24 * 3_600_000;
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, /;

/**
 * The wait in a `Retry-After` header, in milliseconds, at most a day; undefined if it is absent or unreadable.
 * Accepts seconds (also fractions) or an HTTP date; a past date means 0. Source: RFC 9110, 10.2.3.
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Math.ceil(Number(text) * 1_000), MAX_MS);
  if (!HTTP_DATE.test(text)) return undefined;
  const dateMs = Date.parse(text);
  return Number.isNaN(dateMs) ? undefined : Math.min(Math.max(0, dateMs - nowMs), MAX_MS);
}
