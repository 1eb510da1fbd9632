import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

export interface ForwardProxy {
  /** `http://127.0.0.1:PORT`, without user and password. */
  readonly origin: string;
  /** With user and password. */
  readonly url: string;
  /** The requested targets, `host:port`; only requests with its user and password count. */
  readonly targets: readonly string[];
  close(): Promise<void>;
}

/**
 * A forward proxy on this machine that supports only `CONNECT`. `hosts` maps names unknown to DNS, as `name:port`, to a
 * URL's origin; everything else is refused with 502, and a wrong user or password with 407.
 */
export async function startForwardProxy(
  hosts: Readonly<Record<string, string>>,
  { user = 'proxy-user', password = 'hush-hush-proxy' } = {},
): Promise<ForwardProxy> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('connect', (request, stream, head) => {
    stream.on('error', () => stream.destroy());
    if (request.headers['proxy-authorization'] !== expected) {
      stream.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const { url: target = '' } = request;
    targets.push(target);
    const place = hosts[target];
    if (place === undefined) {
      stream.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(place);
    const upstream = connect(Number(port), hostname, () => {
      stream.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      stream.pipe(upstream);
      upstream.pipe(stream);
    });
    upstream.on('error', () => stream.destroy());
    stream.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    url: `http://${user}:${password}@127.0.0.1:${port}`,
    targets,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
