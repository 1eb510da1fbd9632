import { isOwnHost } from '../../network/private-address.js';

/** Where to send notices, and the keys that sign them. */
export interface NoticeConfig {
  /** May itself be secret, as Slack's are: show only its host. */
  readonly url: string;
  /** Each signs; more than one while a secret is being rotated. Never empty. */
  readonly keys: readonly [Buffer, ...Buffer[]];
}

type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'whsec_';
/** Limits of Standard Webhooks. */
const KEY_BYTES = { least: 24, most: 64 } as const;
const HOW_TO_MAKE = `Make one with: echo "${PREFIX}$(openssl rand -base64 32)"`;

/** Reads BANANA_NOTIFY_URL and BANANA_NOTIFY_SECRET, which require each other; adds errors to `problems`. */
export function readNotices(environment: Environment, problems: string[]): NoticeConfig | undefined {
  const url = environment['BANANA_NOTIFY_URL']?.trim();
  const secret = environment['BANANA_NOTIFY_SECRET']?.trim();
  if (!url && !secret) return undefined;
  if (!url) problems.push('BANANA_NOTIFY_SECRET is set without BANANA_NOTIFY_URL: notices need both.');
  else if (!isReceiver(url)) {
    problems.push(
      'BANANA_NOTIFY_URL must be an https URL without user name and #fragment, such as https://hooks.slack.com/services/… (http only for hosts of your own machine or network).',
    );
  }
  if (!secret) {
    problems.push(
      `BANANA_NOTIFY_URL also needs BANANA_NOTIFY_SECRET: notices are always signed. ${HOW_TO_MAKE}`,
    );
    return undefined;
  }
  const foreign = foreignSecret(secret);
  if (foreign) {
    problems.push(foreign);
    return undefined;
  }
  const keys = secret.split(',').map((text) => keyIn(text.trim()));
  const [first, ...others] = keys.filter((key) => key !== undefined);
  if (others.length + 1 < keys.length || first === undefined) {
    problems.push(
      `BANANA_NOTIFY_SECRET must be "${PREFIX}" followed by ${KEY_BYTES.least} to ${KEY_BYTES.most} random bytes in base64 (while replacing it: the new secret, a comma, the old one). ${HOW_TO_MAKE}`,
    );
    return undefined;
  }
  return url ? { url, keys: [first, ...others] } : undefined;
}

/** What is wrong with a secret in the format of other services. */
function foreignSecret(secret: string): string | undefined {
  if (/(?:^|,)\s*v\d+a?\s*,/.test(secret)) {
    return `BANANA_NOTIFY_SECRET contains "v1,", which is a version of the signature and not part of the secret: use only the part that begins with "${PREFIX}".`;
  }
  if (/(?:^|,)\s*(?:v1a,)?whs?[ps]k_/.test(secret)) {
    return `BANANA_NOTIFY_SECRET is a key pair's ("whsk_" or "whpk_"); notices are signed with a shared secret, "${PREFIX}…". ${HOW_TO_MAKE}`;
  }
  return undefined;
}

/** Undefined for an invalid or weak secret of Standard Webhooks. */
function keyIn(secret: string): Buffer | undefined {
  if (!secret.startsWith(PREFIX)) return undefined;
  const text = secret.slice(PREFIX.length);
  const key = Buffer.from(text, 'base64');
  // Node ignores characters that are not base64: a truncated key must not be accepted.
  const isWhole = key.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '');
  const isStrong = key.length >= KEY_BYTES.least && key.length <= KEY_BYTES.most && new Set(key).size >= 8;
  return isWhole && isStrong ? key : undefined;
}

function isReceiver(text: string): boolean {
  if (!URL.canParse(text) || /[#\s]/.test(text)) return false;
  const { protocol, username, password, hostname } = new URL(text);
  if (username + password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isOwnHost(hostname));
}
