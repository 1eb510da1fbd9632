import { createHash } from 'node:crypto';
import type { AccountId } from './client.js';

/** The service of a folder's own sandbox, whose origin changes at every start. */
export const OWN_SANDBOX = 'sandbox';

/**
 * Identifies accounts without containing the key: the API's origin, `#`, and 12 hex digits of the key's sha256.
 * Without the path of the base URL, which may change for the same account.
 */
export function accountIdOf(baseUrl: URL, apiKey: string): AccountId {
  const account = `${baseUrl.origin}#${fingerprintOf(apiKey)}`;
  if (!isAccountId(account)) throw new TypeError('An account id needs an http(s) base URL.');
  return account;
}

/** The account of a folder's own sandbox, whose origin changes at every start. Never equal to a real one. */
export function sandboxAccountId(apiKey: string): AccountId {
  return `${OWN_SANDBOX}#${fingerprintOf(apiKey)}` as AccountId;
}

/** The service of an account: the API's origin, or `sandbox` for a folder's own. */
export function serviceOf(account: string): string {
  return account.replace(/#[^#]*$/, '');
}

/** A service's name in messages. */
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
