import { createHmac, timingSafeEqual } from 'node:crypto';
import { parseBatchId, type BatchId } from '../../domain/rows/ids.js';

/** The generation whose end a callback reports. */
export interface CallbackRef {
  readonly batchId: BatchId;
  readonly runSeq: number;
  readonly shard: number;
  readonly row: number;
  readonly generation: number;
}

/** A path in our format. That does not prove that its token is genuine. */
export interface ParsedCallback {
  readonly ref: CallbackRef;
  readonly token: string;
}

/** Separates these tokens from everything else that the same secret may sign. */
const PURPOSE = 'banana-batch callback v1';

/** The path below the webhooks' base URL for the end of exactly this generation. Unique per generation, and impossible to make without the secret. */
export function callbackPath(ref: CallbackRef, secret: string): string {
  const { batchId, runSeq, shard, row, generation } = ref;
  return `/v1/${batchId}/${runSeq}/${shard}/${row}/${generation}/${tokenOf(ref, secret)}`;
}

const NUMBER = '(0|[1-9]\\d{0,8})';
const PATH = new RegExp(
  `^/v1/([a-z0-9._-]{1,80})/${NUMBER}/${NUMBER}/${NUMBER}/${NUMBER}/([A-Za-z0-9_-]{43})$`,
);

/** Parses such a path, and only the exact form of `callbackPath`; undefined for everything else. */
export function parseCallbackPath(path: string): ParsedCallback | undefined {
  const [, id = '', runSeq, shard, row, generation, token = ''] = PATH.exec(path) ?? [];
  const batchId = parseBatchId(id);
  if (!batchId) return undefined;
  const numbers = { runSeq: Number(runSeq), shard: Number(shard), row: Number(row) };
  return { ref: { batchId, ...numbers, generation: Number(generation) }, token };
}

/** Whether a path's token was made for its generation with one of the secrets. In constant time. */
export function isGenuine({ ref, token }: ParsedCallback, secrets: readonly string[]): boolean {
  // No early exit: which of the secrets matches must not leak either.
  return secrets.map((secret) => sameText(token, tokenOf(ref, secret))).includes(true);
}

/** Whether two texts are equal, in a time that does not reveal where they differ. */
export function sameText(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** As URL-safe text of 43 characters. */
function macOf(purpose: string, fields: readonly (string | number)[], secret: string): string {
  return createHmac('sha256', secret)
    .update(`${purpose}\n${JSON.stringify(fields)}`)
    .digest('base64url');
}

function tokenOf({ batchId, runSeq, shard, row, generation }: CallbackRef, secret: string): string {
  return macOf(PURPOSE, [batchId, runSeq, shard, row, generation], secret);
}

const QUESTION = 'banana-batch health question v1';
const ANSWER = 'banana-batch health answer v1';
const HEALTH_PATH = /^\/v1\/health\/([A-Za-z0-9_-]{16,64})\/([A-Za-z0-9_-]{43})$/;

/** The path below the webhooks' base URL to which only a receiver with the same secret knows the right answer. */
export function healthPath(nonce: string, secret: string): string {
  return `/v1/health/${nonce}/${macOf(QUESTION, [nonce], secret)}`;
}

/** The answer of a receiver with that secret. */
export function healthAnswer(nonce: string, secret: string): string {
  return macOf(ANSWER, [nonce], secret);
}

/** The answer to such a path; undefined for all others, so that strangers learn nothing. */
export function answerToHealthPath(path: string, secrets: readonly string[]): string | undefined {
  const [, nonce = '', token = ''] = HEALTH_PATH.exec(path) ?? [];
  const secret = secrets.find((known) => sameText(token, macOf(QUESTION, [nonce], known)));
  return secret === undefined ? undefined : healthAnswer(nonce, secret);
}
