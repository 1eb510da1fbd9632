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
  /** 0 takes a free one. */
  readonly port: number;
}

/** A receiver that listens. */
export interface RunningReceiver {
  readonly port: number;
  /** What became of all requests so far. */
  counts(): Readonly<Record<string, number>>;
  /** Cuts every connection, stops listening, and waits for what is under way. */
  close(): Promise<void>;
}

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  // Longer than balancers keep theirs (60 s is usual): they must be the ones to close an idle connection.
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 8 * 1024,
} as const;
const MOST_CONNECTIONS = 256;
const SUMMARY_EVERY_MS = 60_000;

/**
 * Starts to receive what the service tells of jobs. A call whose path was not made with the secret gets a 404 before
 * any of its body is read, whatever is wrong with it; a genuine one is answered at once and acted on afterwards. Nothing
 * that is told is believed: see `endAwait`. Throws a UsageError where it cannot listen there.
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
      // A connection that broke has no one left to answer.
      request.destroy();
      log.debug({ reason: reasonOf(error) }, 'A webhook broke off.');
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
      // A stranger's idle connections must not take the places of the service's.
      return end(response, 404, 'Not Found', false);
    }
    const told = await readDelivery(request);
    const taken = told.kind === 'job' ? queue.take({ ref, jobId: told.jobId }) : told.kind;
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

/** Answers; what was not read of a body that may be long is never read, since the connection ends with the answer. */
function end(response: ServerResponse, status: number, text: string, isKept: boolean): void {
  const rest = isKept ? {} : { connection: 'close' };
  response.writeHead(status, { 'content-type': 'text/plain', 'cache-control': 'no-store', ...rest });
  response.end(`${text}\n`);
}

/** A path without that of the base URL; a reverse proxy may have taken it off already. */
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

/** An error's kind and words; neither Temporal's nor the API client's hold a path of ours. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
