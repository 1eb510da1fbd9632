import { createHmac } from 'node:crypto';
import { readBoundedText, connectionFaultText, retryAfterMs } from '../../bananahub/http/connection-fault.js';
import { startDeadline } from '../../bananahub/http/deadline.js';
import type { Notice } from '../../domain/batch/notice.js';
import { createAgent } from '../../network/agent.js';
import { noticeBody } from './notice-body.js';
import type { NoticeConfig } from './notice-config.js';
import { reportedFailure } from './reported-failure.js';

const ATTEMPT_MS = 15_000;
/** How much of an answer is read; nothing of it is kept, since it may repeat the URL. */
const MOST_ANSWER_BYTES = 16 * 1024;

/** The result of an attempt; `message` names the receiver's host and nothing else of its URL. */
export type SentNotice =
  | { readonly kind: 'taken'; readonly message: string }
  /** Another attempt would change nothing. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'again'; readonly message: string; readonly retryAfterMs?: number };

/** Sends notices to one receiver; must be closed. */
export interface NoticeSender {
  /** Of the receiver. */
  readonly host: string;
  /** Sends a notice once, for at most 15 s. Does not follow redirects. Throws only if `signal` was aborted. */
  send(notice: Notice, signal?: AbortSignal): Promise<SentNotice>;
  close(): Promise<void>;
}

export function createNoticeSender({ url, keys }: NoticeConfig): NoticeSender {
  const { origin, host, pathname, search } = new URL(url);
  const agent = createAgent({ connections: 4 });
  const post = async (notice: Notice, signal: AbortSignal): Promise<SentNotice> => {
    const body = noticeBody(notice);
    const {
      statusCode,
      headers,
      body: answer,
    } = await agent.request({
      origin,
      path: pathname + search,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'banana-batch',
        ...signatureHeaders({ id: notice.id, body, sentAtMs: Date.now() }, keys),
      },
      body,
      signal,
    });
    const { text } = await readBoundedText(answer, MOST_ANSWER_BYTES);
    const waitMs = retryAfterMs(textOf(headers['retry-after']), Date.now());
    return meaningOf(host, { status: statusCode, text, waitMs });
  };
  return {
    host,
    send: async (notice, signal) => {
      const deadline = startDeadline(ATTEMPT_MS, signal);
      try {
        return await post(notice, deadline.signal);
      } catch (error) {
        signal?.throwIfAborted();
        const reason = deadline.expired()
          ? `no answer within ${ATTEMPT_MS / 1000} s`
          : connectionFaultText(error);
        return { kind: 'again', message: `${host} cannot be reached: ${reason}` };
      } finally {
        deadline.dispose();
      }
    },
    close: () => agent.destroy(),
  };
}

/** The meaning of an answer: only a receiver that is gone or has moved ends the attempts. */
function meaningOf(
  host: string,
  {
    status,
    text,
    waitMs,
  }: { readonly status: number; readonly text: string; readonly waitMs: number | undefined },
): SentNotice {
  const wait = waitMs !== undefined && { retryAfterMs: waitMs };
  if (status >= 200 && status < 300) {
    const failure = reportedFailure(text);
    if (failure === undefined) return { kind: 'taken', message: `${host} accepted it (${status}).` };
    return {
      kind: 'again',
      message: `${host} answered ${status}, but ${failure} of its answer reports a failure.`,
      ...wait,
    };
  }
  if (status === 410) {
    return {
      kind: 'refused',
      message: `${host} does not accept notices any more (410): fix or unset BANANA_NOTIFY_URL on the workers.`,
    };
  }
  if (status >= 300 && status < 400) {
    return {
      kind: 'refused',
      message: `${host} answers with a redirect (${status}), which is not followed: set BANANA_NOTIFY_URL on the workers to the target of the redirect.`,
    };
  }
  return {
    kind: 'again',
    message: `${host} did not accept it (${status}).`,
    ...wait,
  };
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}

/**
 * The headers from which a receiver knows who sent a body, and when: one signature per key, in order of the keys.
 * `sentAtMs` is the time of the attempt. Source: the specification of Standard Webhooks.
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
