import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import prettyBytes from 'pretty-bytes';
import { interceptors, type Dispatcher } from 'undici';
import { z } from 'zod';
import { createDownloadAgent } from '../../bananahub/images/download-agent.js';
import { sheetLabel, startsAsWebPage } from '../index.js';
import { refusedDownload, SheetDownloadError } from './sheet-download-error.js';
import { downloadedName, googleSheetsExport, isSignInPage } from './sheet-url.js';

const MAX_REDIRECTS = 10;

/** A bucket's maximum for one put is 5 GiB. */
const MAX_BYTES = 4 * 1024 ** 3;

/** How much of the beginning is searched for a web page. */
const START_BYTES = 1024;

/** Where the download of a sheet may lead besides the public internet. */
export interface SheetAccess {
  /** A person typed the URL in the command that reads it: its own host and port may be in a private network. Never set for a URL stored in a schedule. */
  readonly isTyped: boolean;
  /** Opens private networks to every URL and redirect; link-local and reserved addresses stay closed. */
  readonly allowPrivateAddresses: boolean;
}

export interface SheetDownload {
  /** http(s); its user and password are sent only to its own host. */
  readonly url: URL;
  readonly access: SheetAccess;
  /** The local file to write. */
  readonly copy: string;
  readonly signal: AbortSignal;
  /** Called for every piece; `total` if the server reports it. */
  readonly onBytes: (received: number, total: number | undefined) => void;
  readonly limits?: { readonly maxBytes?: number; readonly timeoutMs?: number };
}

/**
 * Writes the sheet at a URL to a file, byte for byte; returns its name, undefined if neither server nor URL has one.
 * Follows redirects; for the page of a Google Sheet it downloads the CSV export.
 *
 * Throws a UsageError without user and query of any URL if the content is not a sheet or the download fails, and the
 * reason of an aborted `signal`. A server that is silent for `timeoutMs` (default 60 s) has failed, but one that
 * continues sending has unlimited time. Addresses of private and reserved networks are refused, also behind names and
 * redirects, except those that `access` opens.
 */
export async function downloadSheet(download: SheetDownload): Promise<string | undefined> {
  const { url, access, copy, signal, onBytes } = download;
  const { maxBytes = MAX_BYTES, timeoutMs = 60_000 } = download.limits ?? {};
  const source = googleSheetsExport(url) ?? url;
  const agent = createDownloadAgent({
    allowPrivateAddresses: access.allowPrivateAddresses,
    ...(access.isTyped && { chosen: source }),
    connectTimeoutMs: Math.min(timeoutMs, 10_000),
    silenceMs: timeoutMs,
  });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: MAX_REDIRECTS }));
  const received = { bytes: 0 };
  try {
    const response = await dispatcher.request({ ...requestOf(source), signal });
    const hops = hopsOf(response.context, url);
    // Errors of a body that is not read yet must not end the process; reading it throws them again.
    response.body.on('error', () => undefined);
    refuseAnswer(response, url, hops);
    const total = declaredLength(response);
    if (total !== undefined && total > maxBytes) throw tooLarge(url, maxBytes);
    const checked = async function* (body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      let start = '';
      for await (const chunk of body) {
        received.bytes += chunk.length;
        if (received.bytes > maxBytes) throw tooLarge(url, maxBytes);
        if (start.length < START_BYTES) start += Buffer.from(chunk).toString('latin1', 0, START_BYTES);
        if (startsAsWebPage(start)) throw webPage(url, hops);
        onBytes(received.bytes, total);
        yield chunk;
      }
    };
    await pipeline(response.body, checked, createWriteStream(copy));
    return downloadedName(headerOf(response, 'content-disposition'), [url, ...hops]);
  } catch (error) {
    signal.throwIfAborted();
    throw refusedDownload(error, url, received.bytes);
  } finally {
    await agent.destroy();
  }
}

function requestOf(url: URL): Dispatcher.RequestOptions {
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method: 'GET',
    headers: {
      accept: 'text/csv, text/tab-separated-values, */*;q=0.8',
      // The batch keeps the bytes as they were given, and so does their digest.
      'accept-encoding': 'identity',
      'user-agent': 'banana-batch',
      ...(login !== ':' && { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
    },
  };
}

const Context = z.object({ history: z.array(z.instanceof(URL)) });

/** The URLs that answered, in order; the last one gave the answer. */
function hopsOf(context: object, requested: URL): readonly URL[] {
  const history = Context.safeParse(context).data?.history ?? [];
  return history.length > 0 ? history : [requested];
}

function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function declaredLength(response: Dispatcher.ResponseData): number | undefined {
  const header = headerOf(response, 'content-length') ?? '';
  return /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

function refuseAnswer(response: Dispatcher.ResponseData, url: URL, hops: readonly URL[]): void {
  const { statusCode } = response;
  const encoding = headerOf(response, 'content-encoding') ?? 'identity';
  if (url.protocol === 'https:' && hops.some(({ protocol }) => protocol !== 'https:')) {
    throw refusal(
      url,
      'it redirects to an address without https. If that is intended, use that address itself',
    );
  }
  switch (statusCode) {
    case 200:
      // A gzip-encoded body is read like a packed sheet; other encodings cannot be read.
      if (/^(?:identity|x-gzip|gzip)$/i.test(encoding)) return;
      throw refusal(
        url,
        `the server sent it compressed as "${encoding.slice(0, 20)}", which was not requested`,
      );
    case 401:
    case 403:
      throw refusal(url, `it needs a login (${statusCode}). ${OPEN_IT}`);
    case 404:
    case 410:
      throw refusal(url, `not found (${statusCode}). Check the address`);
    case 429: {
      const seconds = /^\d{1,6}$/.exec(headerOf(response, 'retry-after') ?? '')?.[0];
      throw refusal(url, `too many requests (429). Try again ${seconds ? `in ${seconds} s` : 'later'}`, true);
    }
    default:
      if (statusCode >= 300 && statusCode < 400) {
        throw refusal(url, `more than ${MAX_REDIRECTS} redirects. Check the address in a browser`);
      }
      if (statusCode >= 500) throw refusal(url, `the server failed (${statusCode}). Try again later`, true);
      throw refusal(url, `the server answered ${statusCode} instead of the sheet. Check the address`);
  }
}

const OPEN_IT =
  'Share the sheet with anyone who has the link, add user and password (https://user:password@…), or download it and name the file';

function webPage(url: URL, hops: readonly URL[]): SheetDownloadError {
  const last = hops.at(-1) ?? url;
  if (isSignInPage(last)) return refusal(url, `it redirects to a sign-in page of ${last.host}. ${OPEN_IT}`);
  return refusal(
    url,
    'it is a web page, not a sheet. Use the link behind "Download", "Export" or "Raw"; a page that needs a login cannot be read',
  );
}

function tooLarge(url: URL, maxBytes: number): SheetDownloadError {
  return refusal(
    url,
    `it is larger than ${prettyBytes(maxBytes, { binary: true })}. Split it, or compress it with gzip`,
  );
}

function refusal(url: URL, what: string, isPassing = false): SheetDownloadError {
  return new SheetDownloadError(`${sheetLabel(url.href)}: ${what}.`, { isPassing });
}
