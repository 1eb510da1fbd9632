import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Longer than any client keeps an idle connection, so that no client sends into a closing one. */
const KEEP_ALIVE_MS = 75_000;

/** A listening HTTP server. */
export interface ListeningServer {
  /** Scheme, address and port. */
  readonly origin: string;
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function stop(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  server.closeAllConnections();
  await closed;
}

/** Starts a server on a port, 0 for any free one; `purpose` names it in the error if it cannot listen. */
export async function listen(input: {
  readonly host: string;
  readonly port: number;
  readonly purpose: string;
  readonly onRequest: RequestListener;
}): Promise<ListeningServer> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, input.onRequest);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const where = `${input.host}:${input.port}`;
      reject(
        new Error(
          `the sandbox's ${input.purpose} cannot listen on ${where}: ${cause.message}; choose another port`,
          {
            cause,
          },
        ),
      );
    });
    server.listen(input.port, input.host, resolve);
  });
  const host = input.host.includes(':') ? `[${input.host}]` : input.host;
  return { origin: `http://${host}:${portOf(server.address())}`, close: () => stop(server) };
}
