import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import { createAgent } from '../network/agent.js';
import { OWN_SANDBOX, serviceOf } from './account-id.js';
import {
  readBoundedText,
  connectionFaultCode,
  connectionFaultText,
  withoutDetails,
  retryAfterMs,
} from './http/connection-fault.js';
import { isApiKey } from './api-key.js';
import { type AccountId, type BananaHubClient, createEndpoint } from './client.js';
import { startDeadline } from './http/deadline.js';
import { errorBodyMessage, errorCodeOf, isWrongAddress, type Operation } from './texts/error-body.js';
import { BananaHubError } from './errors.js';
import { KeyRing } from './key-ring.js';
import type { Redact } from './texts/redact-secrets.js';
import { balanceSchema, createAnswerSchema, isSafeJobId, jobSchema } from './schema.js';
import { publicText } from './texts/service-text.js';

/** In every answer of our sandbox, and of no other service. */
const SANDBOX_HEADER = 'x-banana-batch-sandbox';

const MAX_ANSWER_BYTES = 1024 * 1024;

export interface BananaHubClientOptions {
  /** http(s), without query; a trailing slash is ignored. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** The file from which the key is read again when the service refuses it. */
  readonly apiKeyFile?: string;
  /** Maximum time for a whole call, including connecting and body; default 30 s. */
  readonly timeoutMs?: number;
  /** Maximum number of open connections; default 256. */
  readonly connections?: number;
  /** Replaces the account id if the origin cannot identify it: a sandbox has another port at every start. */
  readonly account?: AccountId;
  /** Secrets that the other side may know and none of its texts may repeat, besides the key. */
  readonly secrets?: readonly string[];
}

interface Call {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * The API over HTTP with its own connections; `close` ends them. Throws a TypeError at once for an invalid base URL
 * or key, naming the variable to set and not its value.
 *
 * Redirects are not followed: the key would be sent to their target.
 */
export function createBananaHubClient(
  options: BananaHubClientOptions,
): BananaHubClient & { readonly redact: Redact } {
  const { apiKey, timeoutMs = 30_000, connections = 256 } = options;
  const baseUrl = checkedBaseUrl(options.baseUrl);
  if (!isApiKey(apiKey)) {
    throw new TypeError(
      'BANANAHUB_API_KEY must be set, and have only visible ASCII characters without spaces.',
    );
  }
  const base = baseUrl.href.replace(/\/+$/, '');
  const agent = createAgent({ connections });

  const keys = new KeyRing({ ...options, baseUrl });
  const { redact, redactId } = keys;

  /** Text of the other side, without the key. */
  function fit(text: string): string {
    return publicText(text, redact);
  }

  let isSandbox = serviceOf(keys.account) === OWN_SANDBOX;

  async function call<T>(
    request: Call,
    schemaOf: (answeredAtMs: number | undefined) => z.ZodType<T>,
  ): Promise<T> {
    request.signal?.throwIfAborted();
    const deadline = startDeadline(timeoutMs, request.signal);
    try {
      const response = await agent.request({
        origin: baseUrl.origin,
        path: new URL(base + request.path).pathname,
        method: request.method,
        headers: { authorization: `Bearer ${keys.key}`, accept: 'application/json', ...request.headers },
        body: request.body ?? null,
        signal: deadline.signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      isSandbox ||= response.headers[SANDBOX_HEADER] !== undefined;
      if (response.statusCode < 200 || response.statusCode > 299) throw await refusal(response, request);
      const { text, cut } = await readBoundedText(response.body, MAX_ANSWER_BYTES);
      if (cut)
        throw badAnswer(request, response.statusCode, `its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
      return parseAnswer(text, schemaOf(dateOf(response)), request, response.statusCode);
    } catch (error) {
      request.signal?.throwIfAborted();
      if (error instanceof BananaHubError) throw error;
      throw connectionError(error, deadline.expired(), request);
    } finally {
      deadline.dispose();
    }
  }

  async function refusal(response: Dispatcher.ResponseData, request: Call): Promise<BananaHubError> {
    const { operation } = request;
    const status = response.statusCode;
    const message = errorBodyMessage(await bodyIfAny(response), redact);
    const code = errorCodeOf(status, message, operation);
    // Not sent again: only the caller can know whether the new key is the same account's.
    if (code === 'unauthorized') keys.renew();
    const header = response.headers['retry-after'];
    // A date is by the service's clock, which its answers contain; this machine's may be wrong.
    const waitMs = retryAfterMs(Array.isArray(header) ? header[0] : header, dateOf(response) ?? Date.now());
    const text = isWrongAddress(status, operation)
      ? fit(
          `BANANAHUB_BASE_URL is not the API (${status} for ${request.method} ${request.path} at ${baseUrl.origin}${redirectText(response, baseUrl)}). Expected something like https://bananahub.io/api/v1.`,
        )
      : message || `BananaHub answered ${status} to ${request.method} ${request.path} without a message.`;
    return new BananaHubError(code, text, {
      status,
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    });
  }

  function connectionError(error: unknown, expired: boolean, request: Call): BananaHubError {
    const what = `${request.method} ${baseUrl.origin}${request.path}`;
    const reason = fit(connectionFaultText(error));
    const cause = withoutDetails(error, redact);
    if (expired)
      return new BananaHubError('timeout', `${what} was not answered within ${timeoutMs} ms.`, { cause });
    if (connectionFaultCode(error) === 'UND_ERR_CONNECT_TIMEOUT')
      return new BananaHubError('timeout', `${what}: ${reason}`, { cause });
    return new BananaHubError('network', `${what} failed: ${reason}`, { cause });
  }

  return {
    get account() {
      return keys.account;
    },
    hasKeyFile: options.apiKeyFile !== undefined,
    renewKey: () => keys.renew(),
    redact,
    isSandbox: () => isSandbox,
    async createGeneration(request, { idempotencyKey, signal, account }) {
      if (account !== undefined && account !== keys.account) {
        throw new BananaHubError(
          'unauthorized',
          'The API key was replaced in its file before this create was sent.',
        );
      }
      const { path, body } = createEndpoint(request);
      const answer = await call(
        {
          operation: 'create',
          method: 'POST',
          path,
          headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
          body: JSON.stringify(body),
          signal,
        },
        () => createAnswerSchema((id) => redactId(id) !== id),
      );
      return { jobId: answer.job_id };
    },
    async getJob(jobId, signal) {
      if (!isSafeJobId(jobId)) {
        throw new BananaHubError(
          'bad-answer',
          'A job id has characters that the service does not use; no request was sent.',
        );
      }
      return call({ operation: 'job', method: 'GET', path: `/jobs/${jobId}`, signal }, (answeredAtMs) =>
        jobSchema(jobId, answeredAtMs, redact),
      );
    },
    async getBalance(signal) {
      return call({ operation: 'balance', method: 'GET', path: '/balance', signal }, () => balanceSchema);
    },
    async close() {
      await agent.close();
    },
  };
}

function checkedBaseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const usable =
    url !== undefined &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.username + url.password + url.search + url.hash === '';
  if (!usable) {
    throw new TypeError(
      'BANANAHUB_BASE_URL must be an http(s) URL without user name, ?query and #fragment, such as https://bananahub.io/api/v1.',
    );
  }
  return url;
}

const MOST_PATH = 80;

/** The target of a redirect, without possible secrets; empty for other answers. */
function redirectText({ statusCode, headers }: Dispatcher.ResponseData, from: URL): string {
  const { location } = headers;
  const isRedirect = statusCode >= 300 && statusCode < 400 && typeof location === 'string';
  if (!isRedirect || !URL.canParse(location, from.href)) return '';
  const { protocol, origin, pathname } = new URL(location, from);
  if (protocol !== 'http:' && protocol !== 'https:') return '';
  const path = pathname.length > MOST_PATH ? `${pathname.slice(0, MOST_PATH)}…` : pathname;
  return `, which redirects to ${origin}${path}`;
}

/** The time of an answer by the service's own clock; undefined if missing. Milliseconds since the epoch. */
function dateOf({ headers }: Dispatcher.ResponseData): number | undefined {
  const answeredMs = Date.parse(String(headers['date']));
  return Number.isNaN(answeredMs) ? undefined : answeredMs;
}

/** The status alone is enough: a refusal with an interrupted or slow body stays that refusal. */
async function bodyIfAny(response: Dispatcher.ResponseData): Promise<string> {
  try {
    return (await readBoundedText(response.body, MAX_ANSWER_BYTES)).text;
  } catch {
    return '';
  }
}

function parseAnswer<T>(text: string, schema: z.ZodType<T>, request: Call, status: number): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw badAnswer(request, status, 'its answer is not JSON');
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'answer'}: ${issue.message}`,
  );
  throw badAnswer(request, status, publicText(problems.join('; ')));
}

function badAnswer(request: Call, status: number, problem: string): BananaHubError {
  const message = `BananaHub answered ${status} to ${request.method} ${request.path}, but ${problem}.`;
  return new BananaHubError('bad-answer', publicText(message), { status });
}
