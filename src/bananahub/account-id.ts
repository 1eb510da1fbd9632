import { createHash } from 'node:crypto';
import type { AccountId } from './client.js';

/** The service of a folder's own sandbox, whose origin is another at every start. */
export const OWN_SANDBOX = 'sandbox';

/**
 * Tells accounts apart without holding the key: the API's origin, `#`, and 12 hex digits of the key's sha256.
 * The path of the base URL is not in it, since it changes without the account changing.
 */
export function accountIdOf(baseUrl: URL, apiKey: string): AccountId {
  const account = `${baseUrl.origin}#${fingerprintOf(apiKey)}`;
  if (!isAccountId(account)) throw new TypeError('An account id needs an http(s) base URL.');
  return account;
}

/** The account of a folder's own sandbox, whose origin is another at every start. Never equal to a real one. */
export function sandboxAccountId(apiKey: string): AccountId {
  return `${OWN_SANDBOX}#${fingerprintOf(apiKey)}` as AccountId;
}

/** The service that an account is with: the API's origin, or `sandbox` for a folder's own. */
export function serviceOf(account: string): string {
  return account.replace(/#[^#]*$/, '');
}

/** A service as messages name it. */
export function serviceName(service: string): string {
  return service === OWN_SANDBOX ? 'the local sandbox' : service;
}

function fingerprintOf(apiKey: string): string {
  return createHash('sha256').update(apiKey, 'utf8').digest('hex').slice(0, 12);
}

/** Whether a text has the form of an account id, such as one read back from a batch's file. */
export function isAccountId(text: string): text is AccountId {
  return /^https?:\/\/[^/#]+#[0-9a-f]{12}$/.test(text);
}
