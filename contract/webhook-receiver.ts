import { createServer, type IncomingMessage } from 'node:http';

const MOST_BYTES = 1_000_000;

/** A webhook as received. */
export interface Delivery {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly text: string;
}

/** Listens for webhooks. The caller closes it. */
export interface WebhookReceiver {
  readonly deliveries: readonly Delivery[];
  close(): Promise<void>;
}

/** Listens on a port of all addresses, keeps each webhook and answers 204. Throws if the port is in use. */
export async function listenForWebhooks(port: number): Promise<WebhookReceiver> {
  const deliveries: Delivery[] = [];
  const server = createServer((request, response) => {
    void receive(request).then((delivery) => {
      deliveries.push(delivery);
      return response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
  return {
    deliveries,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function receive(request: IncomingMessage): Promise<Delivery> {
  const { method = '', url = '', headers } = request;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) break;
      size += chunk.length;
      if (size > MOST_BYTES) break;
      chunks.push(chunk);
    }
  } catch {
    // What arrived before the connection broke is kept.
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return { method, path: url, contentType: headers['content-type'] ?? '', text };
}
