import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as the server saw it, with its whole body. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface ScriptedServer {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  readonly seen: readonly SeenRequest[];
  /** Answers every request from now on; the body has been read before it is called. */
  answerWith(answer: (request: SeenRequest, response: ServerResponse) => void): void;
  close(): Promise<void>;
}

/** A real HTTP server on a free port of 127.0.0.1 that answers as the test defines, and 500 until then. */
export async function startScriptedServer(): Promise<ScriptedServer> {
  const seen: SeenRequest[] = [];
  let answer = (_request: SeenRequest, response: ServerResponse): void => {
    response.writeHead(500).end('no answer was scripted');
  };
  const listener: RequestListener = (request, response) => {
    const chunks: Uint8Array[] = [];
    request.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const whole = { method, path: url, headers, body: Buffer.concat(chunks).toString('utf8') };
      seen.push(whole);
      answer(whole, response);
    });
  };
  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    origin: `http://127.0.0.1:${portOf(server.address())}`,
    seen,
    answerWith(next) {
      answer = next;
      seen.length = 0;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}
