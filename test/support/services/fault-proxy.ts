import {
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { pipeline } from 'node:stream/promises';

/** A request as received. */
export interface ProxiedRequest {
  readonly method: string;
  /** Decoded, without query: of S3 `/bucket/key`. */
  readonly path: string;
  readonly query: URLSearchParams;
}

export type Match = (request: ProxiedRequest) => boolean;

/** An answer that the proxy gives by itself. */
export interface ScriptedAnswer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

/** How a request is treated. */
export type Behaviour =
  | { readonly kind: 'pass' }
  /** It never reaches the server behind the proxy. */
  | { readonly kind: 'answer'; readonly answer: ScriptedAnswer }
  /** It reaches the server that much later. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Its connection is cut, and it never reaches the server behind the proxy. */
  | { readonly kind: 'drop' }
  /** The server executes the request; its answer is replaced by a cut connection. */
  | { readonly kind: 'lose-answer' };

/**
 * `before`: the request has arrived and nothing was forwarded. `after`: the server has answered, and nothing of the
 * answer was passed on.
 */
export type TapMoment = 'before' | 'after';

/** Something that happens once, at an exact moment. */
export interface Tap {
  /** Resolves when its action has ended, with the request it happened at; rejects as the action does. */
  readonly happened: Promise<ProxiedRequest>;
}

/** A reverse proxy whose behaviour a test controls; by default it passes everything on unchanged. */
export interface FaultProxy {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  /** Where requests go from now on; 502 until then. */
  forwardTo(origin: string): void;
  /**
   * Treats matching requests in this way until the returned function is called; the latest matching behaviour counts.
   */
  behave(behaviour: Behaviour, match?: Match): () => void;
  /** Passes everything on again and forgets the taps that have not happened. */
  calm(): void;
  /**
   * Runs `action` at the first matching request from now on, and only then forwards it. A request whose client has
   * gone, or whose action resolves with 'drop', is not forwarded.
   */
  tap(match: Match, moment: TapMoment, action: () => Promise<'drop' | void>): Tap;
  /** Number of matching requests so far, however they were treated. */
  count(match: Match): number;
  close(): Promise<void>;
}

interface PendingTap {
  readonly match: Match;
  readonly moment: TapMoment;
  readonly run: (request: ProxiedRequest) => Promise<'drop' | void>;
}

const PASS: Behaviour = { kind: 'pass' };

/**
 * Listens on a free port of 127.0.0.1. Headers, including `Host`, are forwarded unchanged, so that signatures stay
 * valid.
 */
export async function startFaultProxy(): Promise<FaultProxy> {
  const exchanges = new Exchanges();
  const server = createServer((request, response) => void exchanges.serve(request, response));
  // Closing an idle connection would look like a fault to a client that is about to use it again.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  const origin = `http://127.0.0.1:${await portOf(server)}`;
  return {
    origin,
    forwardTo: (target) => {
      exchanges.target = target;
    },
    behave: (behaviour, match = () => true) => {
      const rule = { behaviour, match };
      exchanges.rules.unshift(rule);
      return () => {
        const index = exchanges.rules.indexOf(rule);
        if (index >= 0) exchanges.rules.splice(index, 1);
      };
    },
    calm: () => {
      exchanges.rules.length = 0;
      exchanges.taps.clear();
    },
    tap: (match, moment, action) => exchanges.tap(match, moment, action),
    count: (match) => exchanges.seen.filter(match).length,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

class Exchanges {
  target: string | undefined;
  readonly rules: { readonly behaviour: Behaviour; readonly match: Match }[] = [];
  readonly taps = new Set<PendingTap>();
  readonly seen: ProxiedRequest[] = [];

  tap(match: Match, moment: TapMoment, action: () => Promise<'drop' | void>): Tap {
    const happened = new Promise<ProxiedRequest>((resolve, reject) => {
      const run = async (request: ProxiedRequest): Promise<'drop' | void> => {
        try {
          const verdict = await action();
          resolve(request);
          return verdict;
        } catch (error) {
          reject(error);
          return 'drop';
        }
      };
      this.taps.add({ match, moment, run });
    });
    // A test that failed earlier must show its own error.
    happened.catch(() => undefined);
    return { happened };
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Killed clients break connections at any moment: that is the purpose here.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    try {
      await this.#exchange(request, response);
    } catch {
      response.destroy();
    }
  }

  async #exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const proxied = proxiedOf(request);
    this.seen.push(proxied);
    if ((await this.#runTaps(proxied, 'before', response)) === 'drop') return void response.destroy();
    const behaviour = this.rules.find(({ match }) => match(proxied))?.behaviour ?? PASS;
    switch (behaviour.kind) {
      case 'answer': {
        const { status, headers = {}, body = '' } = behaviour.answer;
        request.resume();
        response.writeHead(status, headers).end(body);
        return;
      }
      case 'drop':
        return void response.destroy();
      case 'delay':
        await delay(behaviour.delayMs);
        break;
      case 'lose-answer':
      case 'pass':
    }
    const answer = await forward(request, this.target);
    const dropped = (await this.#runTaps(proxied, 'after', response)) === 'drop';
    if (dropped || behaviour.kind === 'lose-answer') {
      answer.destroy();
      return void response.destroy();
    }
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.rawHeaders));
    await pipeline(answer, response);
  }

  async #runTaps(
    request: ProxiedRequest,
    moment: TapMoment,
    response: ServerResponse,
  ): Promise<'drop' | void> {
    for (const tap of this.taps) {
      if (tap.moment !== moment || !tap.match(request)) continue;
      this.taps.delete(tap);
      if ((await tap.run(request)) === 'drop' || response.destroyed) return 'drop';
    }
  }
}

async function forward(request: IncomingMessage, target: string | undefined): Promise<IncomingMessage> {
  if (target === undefined) throw new Error('The proxy was not told where to forward to.');
  const { hostname, port } = new URL(target);
  const upstream = sendRequest({
    host: hostname,
    port,
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: endToEnd(request.rawHeaders),
    setHost: false,
    // A new connection, which the server cannot have closed meanwhile.
    agent: false,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    upstream.once('response', resolve);
    upstream.once('error', reject);
  });
  // A server may answer, and close, before it has read the body.
  pipeline(request, upstream).catch(() => undefined);
  return answered;
}

const HOP_BY_HOP = new Set(['connection', 'keep-alive']);

/** Names and values in turn, without those that concern one connection. */
function endToEnd(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter(
    (_, index) => !HOP_BY_HOP.has((rawHeaders[index - (index % 2)] ?? '').toLowerCase()),
  );
}

function proxiedOf({ method = 'GET', url = '/' }: IncomingMessage): ProxiedRequest {
  const { pathname, searchParams } = new URL(url, 'http://proxy');
  return { method, path: decodeURIComponent(pathname), query: searchParams };
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
  return address.port;
}
