import { z } from 'zod';
import type { BananaHubErrorCode } from '../errors.js';
import type { Redact } from './redact-secrets.js';
import { publicText, saysPaused } from './service-text.js';

/** The message is near the start of a page; the rest is not searched. */
const MAX_HTML = 20_000;

const validationProblem = z.object({
  loc: z.array(z.union([z.string(), z.number()])).optional(),
  msg: z.string(),
});
const detailShape = z.union([
  z.string(),
  z.object({ message: z.string() }),
  z.array(validationProblem).min(1),
  z.object({ msg: z.string() }),
]);
const bodyShapes = z.union([
  z.object({ detail: detailShape }),
  z.object({ message: z.string() }),
  z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) }),
]);

/**
 * The message in the body of a refused call: one line, at most 300 characters, empty if there is none.
 *
 * Reads the service's three shapes of `detail`, the common `message` and `error`, the title (else the first words) of
 * a proxy's HTML page, and plain text; `redact` removes secrets before anything is cut. Source: the API contract,
 * "Errors".
 */
export function errorBodyMessage(body: string, redact?: Redact): string {
  const json = parsedJson(body);
  if (json !== undefined) return publicText(messageOf(json) ?? '', redact);
  return publicText(looksLikeHtml(body) ? htmlMessage(body.slice(0, MAX_HTML)) : body, redact);
}

/** The message inside any value that the service sends instead of a text; undefined if there is none. */
export function messageOf(value: unknown): string | undefined {
  const detail = detailShape.safeParse(value);
  if (detail.success) return detailMessage(detail.data);
  const body = bodyShapes.safeParse(value);
  if (!body.success) return undefined;
  if ('detail' in body.data) return detailMessage(body.data.detail);
  if ('message' in body.data) return body.data.message;
  return typeof body.data.error === 'string' ? body.data.error : body.data.error.message;
}

function detailMessage(detail: z.infer<typeof detailShape>): string {
  if (typeof detail === 'string') return detail;
  if (Array.isArray(detail)) return detail.map(problemMessage).join('; ');
  return 'message' in detail ? detail.message : detail.msg;
}

function problemMessage({ loc = [], msg }: z.infer<typeof validationProblem>): string {
  const field = loc.filter((part) => part !== 'body').join('.');
  return field === '' ? msg : `${field}: ${msg}`;
}

function parsedJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function looksLikeHtml(body: string): boolean {
  return /<(!doctype|html|head|body|title|h1|center|p)\b/i.test(body.slice(0, 2_000));
}

function htmlMessage(html: string): string {
  const title = /<title[^>]*>([^<]*)/i.exec(html)?.[1]?.trim();
  if (title) return title;
  return html.replaceAll(/<(script|style)\b[\s\S]*?<\/\1\s*>/gi, ' ').replaceAll(/<[^>]*>/g, ' ');
}

/** The refused call: 404 and other 4xx have a different meaning for each. */
export type Operation = 'create' | 'job' | 'balance';

const TRANSIENT_4XX = new Set([407, 408, 409, 425]);
/** Statuses with one meaning whatever the text: a 422 may quote a prompt about a "paused" film. */
const SAYS_ALL = new Set([400, 401, 402, 404, 413, 422]);
/** Wrong address rather than a wrong row. */
const NO_SUCH_ENDPOINT = new Set([404, 405, 410]);

/**
 * The meaning of a status other than 2xx. Source: the API contract, "Errors".
 *
 * A create's unknown 4xx is the row's own fault (`invalid-request`); on reads, which contain nothing of a row except
 * a paid job's id, the same statuses are `unavailable`, so that no paid job is given up because of an unusual answer.
 */
export function errorCodeOf(status: number, message: string, operation: Operation): BananaHubErrorCode {
  if (status === 503 || (!SAYS_ALL.has(status) && saysPaused(message))) return 'paused';
  if (status === 401) return 'unauthorized';
  if (status === 402) return 'insufficient-balance';
  if (status === 403) return 'forbidden';
  if (status === 404 && operation === 'job') return 'job-not-found';
  if (status === 429) return 'rate-limited';
  if (status === 502 && operation === 'create' && /failed to upload inputs/i.test(message)) {
    return 'upload-failed';
  }
  if (isWrongAddress(status, operation) || TRANSIENT_4XX.has(status)) return 'unavailable';
  if (status >= 400 && status < 500) return operation === 'create' ? 'invalid-request' : 'unavailable';
  return 'unavailable';
}

/** Whether a status means that the base URL is not the API's: a redirect, or no such endpoint. */
export function isWrongAddress(status: number, operation: Operation): boolean {
  if (status >= 300 && status < 400) return true;
  return operation !== 'job' && NO_SUCH_ENDPOINT.has(status);
}
