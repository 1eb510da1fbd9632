import { Agent } from 'undici';
import { connectionFaultText } from '../bananahub/connection-fault.js';
import { startDeadline } from '../bananahub/deadline.js';
import { retryAfterMs } from '../bananahub/retry-after.js';
import type { Notice } from '../domain/notice.js';
import { noticeBody } from './notice-body.js';
import type { NoticeConfig } from './notice-config.js';
import { signatureHeaders } from './notice-signature.js';

const ATTEMPT_MS = 15_000;
/** Of an answer no more is read, and nothing of it is kept: it may repeat the URL. */
const MOST_ANSWER_BYTES = 16 * 1024;

/** What became of an attempt; `message` names the receiver's host and nothing else of its URL. */
export type SentNotice =
  | { readonly kind: 'taken'; readonly message: string }
  /** Trying again would change nothing. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'again'; readonly message: string; readonly retryAfterMs?: number };

/** Sends notices to one receiver; to be closed. */
export interface NoticeSender {
  /** Of the receiver. */
  readonly host: string;
  /** Sends a notice once, for at most 15 s. Redirects are not followed. Throws only where `signal` was aborted. */
  send(notice: Notice, signal?: AbortSignal): Promise<SentNotice>;
  close(): Promise<void>;
}

export function createNoticeSender({ url, keys }: NoticeConfig): NoticeSender {
  const { origin, host, pathname, search } = new URL(url);
  const agent = new Agent({ connections: 4, connect: { timeout: 10_000 } });
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
    await answer.dump({ limit: MOST_ANSWER_BYTES, signal });
    return meaningOf(host, statusCode, retryAfterMs(textOf(headers['retry-after']), Date.now()));
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

/** What an answer means: only one that says that there is nothing here any more, or elsewhere, ends the attempts. */
function meaningOf(host: string, status: number, retryAfterMs: number | undefined): SentNotice {
  if (status >= 200 && status < 300) return { kind: 'taken', message: `${host} took it (${status}).` };
  if (status === 410) {
    return {
      kind: 'refused',
      message: `${host} wants no notices any more (410): correct BANANA_NOTIFY_URL on the workers, or take it away.`,
    };
  }
  if (status >= 300 && status < 400) {
    return {
      kind: 'refused',
      message: `${host} answers with a redirect (${status}), which is not followed: set BANANA_NOTIFY_URL on the workers to where it leads.`,
    };
  }
  return {
    kind: 'again',
    message: `${host} did not take it (${status}).`,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}
