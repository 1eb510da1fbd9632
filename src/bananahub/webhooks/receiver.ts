import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { UsageError } from '../../errors.js';
import { isGenuine, parseCallbackPath, type CallbackRef, answerToHealthPath } from './callback-path.js';
import { readDelivery } from './delivery-body.js';
import { DeliveryCounts, type DeliveryEnd, endAwait, type ReceiverParts } from './end-await.js';
import { DeliveryQueue } from './delivery-queue.js';
import type { WebhookConfig } from './webhook-config.js';

/** Where a receiver listens. */
export interface ListenAddress {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

/** A running receiver. */
export interface RunningReceiver {
  readonly port: number;
  /** Results of all requests so far. */
  counts(): Readonly<Record<string, number>>;
  /** Cuts every connection, stops listening, and waits for running work. */
  close(): Promise<void>;
}

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  // Longer than load balancers keep theirs (usually 60 s): the balancer must close an idle connection first.
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 8 * 1024,
} as const;
const MOST_CONNECTIONS = 256;
const SUMMARY_EVERY_MS = 60_000;

/**
 * Starts to receive job notifications from the service. A call with a path that was not made with the secret gets a
 * 404 before any of its body is read, whatever else is wrong with it; a genuine one is answered at once and processed
 * afterwards. Its content is not trusted: see `endAwait`. Throws a UsageError if it cannot listen there.
 */
export async function startReceiver(options: {
  readonly listen: ListenAddress;
  readonly webhooks: WebhookConfig;
  readonly parts: ReceiverParts;
  readonly log: Logger;
}): Promise<RunningReceiver> {
  const { listen, webhooks, parts, log } = options;
  const counts = new DeliveryCounts();
  const queue = new DeliveryQueue(
    (delivery, signal) => endAwait(parts, delivery, signal),
    (end, error) => {
      counts.note(end);
      if (error !== undefined) log.warn({ reason: reasonOf(error) }, 'A webhook could not be processed.');
    },
  );
  const server = createServer(LIMITS, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      // A broken connection cannot be answered.
      request.destroy();
      log.debug({ reason: reasonOf(error) }, 'A webhook request was cut off.');
    });
  });
  server.maxConnections = MOST_CONNECTIONS;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathBelow(webhooks.url, request.url ?? '');
    const health = request.method === 'GET' ? answerToHealthPath(path, webhooks.secrets) : undefined;
    if (health !== undefined) return end(response, 200, health, true);
    const ref = request.method === 'POST' ? genuineRef(path, webhooks.secrets) : undefined;
    if (ref === undefined) {
      counts.note('refused');
      // A stranger's idle connections must not use up the service's.
      return end(response, 404, 'Not Found', false);
    }
    const delivery = await readDelivery(request);
    const taken = delivery.kind === 'job' ? queue.take({ ref, jobId: delivery.jobId }) : delivery.kind;
    if (taken !== 'taken') counts.note(taken);
    const [status, text] = ANSWERS[taken];
    return end(response, status, text, taken === 'taken' || taken === 'repeated');
  }

  await listenOn(server, listen);
  // Such as too many open files: it continues once there are fewer.
  server.on('error', (error) =>
    log.warn({ reason: reasonOf(error) }, 'Webhooks cannot be received at the moment.'),
  );
  const summary = setInterval(() => {
    const news = counts.takeNews();
    if (news) log.info(news, 'Webhooks so far.');
  }, SUMMARY_EVERY_MS);
  return {
    port: portOf(server),
    counts: () => counts.read(),
    close: async () => {
      clearInterval(summary);
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      await Promise.all([closed, queue.close()]);
      log.info(counts.read(), 'Webhooks are no longer received.');
    },
  };
}

const ANSWERS = {
  taken: [202, 'Accepted'],
  repeated: [202, 'Accepted'],
  full: [503, 'Service Unavailable'],
  'too-large': [413, 'Content Too Large'],
  unreadable: [400, 'Bad Request'],
} as const satisfies Partial<Record<DeliveryEnd | 'taken', readonly [number, string]>>;

/** Answers; the unread part of a possibly long body is never read, since the connection ends with the answer. */
function end(response: ServerResponse, status: number, text: string, isKept: boolean): void {
  const rest = isKept ? {} : { connection: 'close' };
  response.writeHead(status, { 'content-type': 'text/plain', 'cache-control': 'no-store', ...rest });
  response.end(`${text}\n`);
}

/** A path without that of the base URL, which a reverse proxy may already have removed. */
function pathBelow(baseUrl: string, path: string): string {
  const base = new URL(baseUrl).pathname.replace(/\/+$/, '');
  return base !== '' && path.startsWith(`${base}/`) ? path.slice(base.length) : path;
}

function genuineRef(path: string, secrets: readonly string[]): CallbackRef | undefined {
  const parsed = parseCallbackPath(path);
  return parsed && isGenuine(parsed, secrets) ? parsed.ref : undefined;
}

async function listenOn(server: Server, { host, port }: ListenAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new UsageError(
          `Webhooks cannot be received on ${host}:${port}: ${cause.message}. Choose another address or port.`,
          {
            cause,
          },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** An error's type and message; neither Temporal's nor the API client's contain a path of ours. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
