import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Agent, Dispatcher } from 'undici';
import { connectionFaultCode, connectionFaultText, withoutDetails } from '../http/connection-fault.js';
import { type Deadline, startDeadline } from '../http/deadline.js';
import { UnsafeAddressError } from './download-agent.js';
import { ImageDownloadError } from './image-download-error.js';
import type { Redact } from '../texts/redact-secrets.js';
import { publicText } from '../texts/service-text.js';

const MAX_REDIRECTS = 3;

export interface ImageDownloadOptions {
  /** From `createDownloadAgent`, which keeps downloads away from private networks. */
  readonly agent: Agent;
  /** Default 64 MiB. */
  readonly maxBytes?: number;
  /** For all hops and the whole body; waiting for `reserveBytes` does not count, and restarts it. Default 120 s. */
  readonly totalTimeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Removes secrets from error messages: a host's name is chosen by the service. */
  readonly redact?: Redact;
  /**
   * Called once, before memory for the body is allocated, with the declared length, or `maxBytes` without one.
   * Resolves when that much may be used, with a function that frees it.
   */
  readonly reserveBytes?: (sizeBytes: number) => Promise<() => void>;
}

export interface DownloadedImage {
  readonly body: Buffer;
  /** Lower-case hex over `body`. */
  readonly sha256: string;
  /** Frees what `reserveBytes` reserved; call when `body` is no longer needed. Idempotent. */
  readonly release: () => void;
}

/**
 * The whole body behind an image URL in one buffer, exactly as long as declared. Throws `ImageDownloadError`, or the
 * reason of an aborted `signal`; then nothing stays reserved. Does not check the content.
 */
export async function downloadImage(url: string, options: ImageDownloadOptions): Promise<DownloadedImage> {
  const { maxBytes = 64 * 1024 * 1024, totalTimeoutMs = 120_000, signal } = options;
  signal?.throwIfAborted();
  const target = checkedUrl(url);
  const deadline = startDeadline(totalTimeoutMs, signal);
  let release = releaseNothing;
  try {
    const response = await requestFollowing(target, options.agent, deadline.signal);
    // Errors of a body that is not read yet must not end the process; reading it throws them again.
    response.body.on('error', () => undefined);
    try {
      refuseUnlessImage(response, target.host);
      const length = declaredLength(response);
      if (length !== undefined && length > maxBytes) throw tooLarge(target.host, maxBytes);
      release = await reserve(length ?? maxBytes, options, deadline);
      const image = await readBody(response.body, { length, maxBytes, host: target.host });
      return { ...image, release };
    } finally {
      response.body.destroy();
    }
  } catch (error) {
    release();
    signal?.throwIfAborted();
    throw redacted(downloadError(error, target.host, deadline), options.redact);
  } finally {
    deadline.dispose();
  }
}

async function requestFollowing(
  target: URL,
  agent: Agent,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  let hop = target;
  for (let redirects = 0; ; redirects += 1) {
    const response = await agent.request({
      origin: hop.origin,
      path: hop.pathname + hop.search,
      method: 'GET',
      headers: { accept: 'image/png, image/jpeg, image/webp, */*;q=0.1', 'accept-encoding': 'identity' },
      headersTimeout: 30_000,
      bodyTimeout: 30_000,
      signal,
    });
    const location = response.headers['location'];
    const isRedirect =
      [301, 302, 303, 307, 308].includes(response.statusCode) && typeof location === 'string';
    if (!isRedirect) return response;
    await response.body.dump();
    if (redirects === MAX_REDIRECTS) {
      throw new ImageDownloadError(
        'unavailable',
        `${target.host} redirected more than ${MAX_REDIRECTS} times.`,
      );
    }
    hop = checkedUrl(location, hop);
  }
}

/** Its error has no `cause`: the parser's error repeats the whole URL. */
function checkedUrl(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base?.href) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    const from = base === undefined ? 'An image URL' : `A redirect from ${base.host}`;
    throw new ImageDownloadError('unsafe-address', `${from} is not an http(s) URL.`);
  }
  return url;
}

function refuseUnlessImage(response: Dispatcher.ResponseData, host: string): void {
  const status = response.statusCode;
  const type = String(response.headers['content-type'] ?? '');
  const isXml = /^(application|text)\/xml\b/i.test(type);
  if (status === 403 || (isXml && status < 500 && status !== 429)) {
    throw new ImageDownloadError('expired', `${host} answered ${status}: the image URL is no longer valid.`, {
      status,
    });
  }
  if (status !== 200) {
    throw new ImageDownloadError('unavailable', `${host} answered ${status} instead of the image.`, {
      status,
    });
  }
  const encoding = String(response.headers['content-encoding'] ?? 'identity');
  if (encoding !== 'identity') {
    throw new ImageDownloadError(
      'unavailable',
      `${host} sent the image compressed, which was not requested.`,
      { status },
    );
  }
}

function declaredLength(response: Dispatcher.ResponseData): number | undefined {
  const header = response.headers['content-length'];
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

async function reserve(
  sizeBytes: number,
  options: ImageDownloadOptions,
  deadline: Deadline,
): Promise<() => void> {
  if (options.reserveBytes === undefined) return releaseNothing;
  deadline.pause();
  const giveBack = await options.reserveBytes(sizeBytes);
  let held = true;
  const release = (): void => {
    if (held) giveBack();
    held = false;
  };
  if (options.signal?.aborted === true) release();
  options.signal?.throwIfAborted();
  deadline.restart();
  return release;
}

function releaseNothing(): void {}

function tooLarge(host: string, maxBytes: number): ImageDownloadError {
  return new ImageDownloadError('too-large', `The image from ${host} is larger than ${maxBytes} bytes.`);
}

function redacted(error: ImageDownloadError, redact: Redact | undefined): ImageDownloadError {
  const { code, status, cause } = error;
  return new ImageDownloadError(code, publicText(error.message, redact), {
    ...(status !== undefined && { status }),
    ...(cause !== undefined && { cause: withoutDetails(cause, redact) }),
  });
}

const TIMEOUT_CODES = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

function downloadError(error: unknown, host: string, deadline: Deadline): ImageDownloadError {
  if (error instanceof ImageDownloadError) return error;
  if (error instanceof UnsafeAddressError) return new ImageDownloadError('unsafe-address', error.message);
  if (deadline.expired() || TIMEOUT_CODES.has(connectionFaultCode(error))) {
    return new ImageDownloadError('timeout', `The image from ${host} did not arrive in time.`, {
      cause: error,
    });
  }
  const reason = connectionFaultText(error);
  return new ImageDownloadError('network', `The image from ${host} could not be downloaded: ${reason}`, {
    cause: error,
  });
}

const FIRST_SIZE_BYTES = 2 * 1024 * 1024;

/**
 * Reads and hashes a body into one buffer. With `length` the buffer is allocated at once and the body must be exactly
 * that long; without, it grows to at most `maxBytes`. Throws `ImageDownloadError`, or the stream's own error if it
 * timed out or was aborted.
 */
async function readBody(
  body: Readable,
  limits: { readonly length: number | undefined; readonly maxBytes: number; readonly host: string },
): Promise<{ readonly body: Buffer; readonly sha256: string }> {
  const { length, maxBytes, host } = limits;
  const hash = createHash('sha256');
  let buffer: Buffer = Buffer.allocUnsafeSlow(length ?? Math.min(FIRST_SIZE_BYTES, maxBytes));
  let size = 0;
  try {
    for await (const chunk of body) {
      const bytes: Uint8Array = chunk;
      const end = size + bytes.length;
      if (length !== undefined && end > length) throw cut(host, `more than the ${length} bytes declared`);
      if (end > maxBytes) {
        throw new ImageDownloadError('too-large', `The image from ${host} is larger than ${maxBytes} bytes.`);
      }
      if (end > buffer.length)
        buffer = grown(buffer, size, Math.min(Math.max(end, buffer.length * 2), maxBytes));
      buffer.set(bytes, size);
      hash.update(bytes);
      size = end;
    }
  } catch (error) {
    if (connectionFaultCode(error) !== 'UND_ERR_SOCKET' && connectionFaultCode(error) !== 'ECONNRESET')
      throw error;
    throw cut(host, `${size} bytes, then the connection broke`, error);
  }
  if (size === 0 || (length !== undefined && size < length))
    throw cut(host, `${size} of ${length ?? 'some'} bytes`);
  return { body: buffer.subarray(0, size), sha256: hash.digest('hex') };
}

function cut(host: string, what: string, cause?: unknown): ImageDownloadError {
  return new ImageDownloadError('truncated', `The image from ${host} is incomplete: ${what}.`, { cause });
}

function grown(buffer: Buffer, used: number, sizeBytes: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(sizeBytes);
  larger.set(buffer.subarray(0, used));
  return larger;
}
