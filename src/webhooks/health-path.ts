import { macOf, sameText } from '../bananahub/webhooks/callback-path.js';

const QUESTION = 'banana-batch health question v1';
const ANSWER = 'banana-batch health answer v1';
const PATH = /^\/v1\/health\/([A-Za-z0-9_-]{16,64})\/([A-Za-z0-9_-]{43})$/;

/** The path below the webhooks' base URL at which a receiver with the same secret, and no other, knows the right answer. */
export function healthPath(nonce: string, secret: string): string {
  return `/v1/health/${nonce}/${macOf(QUESTION, [nonce], secret)}`;
}

/** What a receiver with that secret answers. */
export function healthAnswer(nonce: string, secret: string): string {
  return macOf(ANSWER, [nonce], secret);
}

/** The answer to such a path; undefined for all others, so that strangers learn nothing. */
export function answerToHealthPath(path: string, secrets: readonly string[]): string | undefined {
  const [, nonce = '', token = ''] = PATH.exec(path) ?? [];
  const secret = secrets.find((known) => sameText(token, macOf(QUESTION, [nonce], known)));
  return secret === undefined ? undefined : healthAnswer(nonce, secret);
}
