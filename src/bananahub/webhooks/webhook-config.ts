import { isOwnHost } from '../../network/private-address.js';

/** Where the service reports the ends of jobs, and the secrets that prove that we requested a call. */
export interface WebhookConfig {
  /** Without a trailing slash. */
  readonly url: string;
  /** The first makes tokens; the others are earlier ones that are still accepted. Never empty. */
  readonly secrets: readonly [string, ...string[]];
}

type Environment = Readonly<Record<string, string | undefined>>;

const SHORTEST_SECRET = 32;
const HOW_TO_MAKE = 'Make one with: openssl rand -hex 32';

/** Reads BANANA_WEBHOOK_URL and BANANA_WEBHOOK_SECRET, which require each other; adds errors to `problems`. */
export function readWebhooks(environment: Environment, problems: string[]): WebhookConfig | undefined {
  const url = environment['BANANA_WEBHOOK_URL']?.trim();
  const secret = environment['BANANA_WEBHOOK_SECRET']?.trim();
  if (!url && !secret) return undefined;
  if (!url) problems.push('BANANA_WEBHOOK_SECRET is set without BANANA_WEBHOOK_URL: webhooks need both.');
  else if (!isCallbackBase(url)) {
    problems.push(
      'BANANA_WEBHOOK_URL must be an https URL without user name, ?query and #fragment, such as https://hooks.example.com/banana (http only for hosts of your own machine or network).',
    );
  }
  if (!secret) {
    problems.push(`BANANA_WEBHOOK_URL also needs BANANA_WEBHOOK_SECRET. ${HOW_TO_MAKE}`);
  }
  const secrets = (secret ?? '').split(',').map((text) => text.trim());
  if (secret && !secrets.every(isStrong)) {
    problems.push(
      `BANANA_WEBHOOK_SECRET must have at least ${SHORTEST_SECRET} visible ASCII characters, not all the same (while replacing it: the new secret, a comma, the old one). ${HOW_TO_MAKE}`,
    );
  }
  const [first, ...others] = secrets;
  return url && first ? { url: url.replace(/\/+$/, ''), secrets: [first, ...others] } : undefined;
}

function isStrong(secret: string): boolean {
  return /^[\x21-\x7e]+$/.test(secret) && secret.length >= SHORTEST_SECRET && new Set(secret).size >= 8;
}

function isCallbackBase(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hostname, pathname } = new URL(text);
  if (username + password !== '' || /[?#\s]/.test(text) || pathname.includes('//')) return false;
  return protocol === 'https:' || (protocol === 'http:' && isOwnHost(hostname));
}
