import type { Redact } from '../texts/redact-secrets.js';
import { publicText } from '../texts/service-text.js';

/** What broke a connection, in words: several addresses tried at once fail with an AggregateError that has none of its own. */
export function connectionFaultText(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map(connectionFaultText))].join('; ');
  }
  if (!(error instanceof Error)) return String(error);
  return error.message || connectionFaultCode(error) || error.name;
}

/** The code of a Node or undici error, empty where it has none. */
export function connectionFaultCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The same fault by its text and code alone: errors of connections may carry bytes that the other side sent. */
export function withoutDetails(error: unknown, redact?: Redact): Error {
  const fault = new Error(publicText(connectionFaultText(error), redact));
  const code = connectionFaultCode(error);
  return code === '' ? fault : Object.assign(fault, { code });
}
