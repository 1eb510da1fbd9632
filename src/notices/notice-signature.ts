import { createHmac } from 'node:crypto';

/**
 * The headers by which a receiver knows who sent a body, and when: a signature a key, in the order of the keys.
 * `sentAtMs` is that of the attempt. Source: the specification of Standard Webhooks.
 */
export function signatureHeaders(
  message: { readonly id: string; readonly body: string; readonly sentAtMs: number },
  keys: readonly Buffer[],
): {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
} {
  const { id, body, sentAtMs } = message;
  const timestamp = String(Math.floor(sentAtMs / 1000));
  const signed = `${id}.${timestamp}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
