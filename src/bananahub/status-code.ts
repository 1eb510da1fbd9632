import type { BananaHubErrorCode } from './errors.js';
import { saysPaused } from './texts/service-text.js';

/** Which call was refused: 404 and 4xx mean something else on each. */
export type Operation = 'create' | 'job' | 'balance';

const TRANSIENT_4XX = new Set([407, 408, 409, 425]);
/** Statuses that mean one thing whatever the text says: a 422 may quote a prompt that speaks of a "paused" film. */
const SAYS_ALL = new Set([400, 401, 402, 404, 413, 422]);
/** Wrong address rather than a wrong row. */
const NO_SUCH_ENDPOINT = new Set([404, 405, 410]);

/**
 * What a status other than 2xx means. Source: the API contract, "Errors".
 *
 * A create's unknown 4xx is the row's own fault (`invalid-request`); on reads, which carry nothing of a row but a paid
 * job's id, the same statuses are `unavailable`, so that no paid job is given up for an odd answer.
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

/** Whether a status says that the base URL does not lead to the API: a redirect, or no such endpoint. */
export function isWrongAddress(status: number, operation: Operation): boolean {
  if (status >= 300 && status < 400) return true;
  return operation !== 'job' && NO_SUCH_ENDPOINT.has(status);
}
