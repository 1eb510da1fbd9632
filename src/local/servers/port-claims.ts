import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const claimed = new Map<number, Socket>();

/**
 * Claims a TCP port until this process ends; false if another process on this machine has claimed it. A server listens
 * only a while after its port was found free: without a claim, two folders that start at the same moment choose the
 * same port. The claim is a UDP socket with the port's number, which the system closes however the process ends.
 */
export async function claimPort(port: number): Promise<boolean> {
  if (claimed.has(port)) return true;
  const socket = createSocket({ type: 'udp4' });
  try {
    const bound = once(socket, 'listening');
    socket.bind({ port, address: '127.0.0.1', exclusive: true });
    await bound;
  } catch (error) {
    socket.close();
    // Where no claims are possible, the port is used without one.
    return (error as NodeJS.ErrnoException).code !== 'EADDRINUSE';
  }
  socket.unref();
  claimed.set(port, socket);
  return true;
}
