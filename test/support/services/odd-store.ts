import {
  createServer,
  request as sendRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';

/** A complete request to the store. */
export interface StoreRequest {
  readonly method: string;
  /** Decoded: `/bucket/key`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface StoreAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** How a store differs from the real one behind it; undefined means no difference. */
export interface Oddity {
  /** Answers instead of the real store. */
  readonly answer?: (request: StoreRequest) => StoreAnswer | undefined | Promise<StoreAnswer | undefined>;
  /** Changes the text of the real one's answer. */
  readonly change?: (text: string, request: StoreRequest) => string | undefined;
}

/** A real S3 server with oddities of another one, on its own port. */
export interface OddStore {
  readonly endpoint: string;
  /** Requests since the oddity was set. */
  readonly seen: readonly StoreRequest[];
  setOddity(oddity: Oddity): void;
  close(): Promise<void>;
}

/** An S3 error as servers send it. */
export function s3Error(status: number, code: string): StoreAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>Because.</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

/** Headers, including `Host`, are forwarded unchanged, so that signatures stay valid. */
export async function startOddStore(behind: string): Promise<OddStore> {
  const seen: StoreRequest[] = [];
  let oddity: Oddity = {};
  const serve = async (incoming: IncomingMessage) => {
    const request = { ...lineOf(incoming), headers: incoming.headers, body: await buffer(incoming) };
    seen.push(request);
    const own = await oddity.answer?.(request);
    if (own) return { status: own.status, headers: own.headers ?? {}, body: Buffer.from(own.body ?? '') };
    const answer = await forward(behind, incoming, request.body);
    const body = await buffer(answer);
    const changed = oddity.change?.(body.toString('utf8'), request);
    const headers = { ...answer.headers, ...(changed !== undefined && { 'content-length': undefined }) };
    return { status: answer.statusCode ?? 502, headers, body: changed ?? body };
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { status, headers, body } = await serve(request);
    for (const [name, value] of Object.entries(headers)) if (value) response.setHeader(name, value);
    response.writeHead(status).end(body);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The store has no port.');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    seen,
    setOddity: (next) => {
      oddity = next;
      seen.length = 0;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function lineOf({ method = 'GET', url = '/' }: IncomingMessage) {
  const { pathname, searchParams } = new URL(url, 'http://store');
  return { method, path: decodeURIComponent(pathname), query: searchParams };
}

async function forward(behind: string, incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  const { hostname, port } = new URL(behind);
  return new Promise((resolve, reject) => {
    const upstream = sendRequest({
      host: hostname,
      port,
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: incoming.headers,
      setHost: false,
      agent: false,
    });
    upstream.once('response', resolve);
    upstream.once('error', reject);
    upstream.end(body);
  });
}
