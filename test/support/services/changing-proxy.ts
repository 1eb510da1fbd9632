import { fetch } from 'undici';
import { startScriptedServer } from './scripted-server.js';

/** A JSON object as a test changes it. */
export type Json = Readonly<Record<string, unknown>>;

/** A request on its way to the server behind. */
export interface PassingRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Json | undefined;
}

/** An answer on its way back. `bytes` is the body if it is not JSON. */
export interface PassingAnswer {
  readonly status: number;
  readonly body: Json | undefined;
  readonly bytes: Buffer;
}

/** How a server differs from the one behind it; parts without a change are forwarded unchanged. */
export interface Change {
  readonly request?: (request: PassingRequest) => Partial<PassingRequest>;
  readonly answer?: (
    answer: PassingAnswer,
    request: PassingRequest,
  ) => Partial<PassingAnswer> | Promise<Partial<PassingAnswer>>;
}

/** A server that answers like those behind it, with one change: `/results/` leads to the image host. */
export async function startChangingProxy(behind: { readonly api: string; readonly images: string }) {
  const server = await startScriptedServer();
  let change: Change = {};
  const pass = async (seen: PassingRequest): Promise<PassingAnswer> => {
    const sent = { ...seen, ...change.request?.(seen) };
    const origin = sent.path.startsWith('/results/') ? behind.images : new URL(behind.api).origin;
    const { method, headers, body } = sent;
    const response = await fetch(`${origin}${sent.path}`, {
      method,
      headers,
      ...(method === 'POST' && { body: JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const answer = { status: response.status, body: parsed(bytes.toString()), bytes };
    return { ...answer, ...(await change.answer?.(answer, seen)) };
  };
  server.answerWith(({ method, path, headers: all, body: text }, response) => {
    const kept = ['authorization', 'idempotency-key', 'content-type'];
    const headers = Object.fromEntries(
      kept.flatMap((name) => (typeof all[name] === 'string' ? [[name, all[name]]] : [])),
    );
    pass({ method, path, headers, body: parsed(text) }).then(
      ({ status, body, bytes }) =>
        response.writeHead(status).end(body === undefined ? bytes : JSON.stringify(body)),
      () => response.destroy(),
    );
  });
  return {
    baseUrl: server.origin + new URL(behind.api).pathname,
    origin: server.origin,
    /** Uses this change from now on. */
    changeTo: (next: Change) => {
      change = next;
    },
    close: () => server.close(),
  };
}

function parsed(text: string): Json | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}
