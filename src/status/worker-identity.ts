import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isProcessAlive } from '../local/servers/process-alive.js';

/** What a worker of this process is called in Temporal: its pid, its host, and on Linux where that pid counts. */
export function workerIdentity(pid = process.pid): string {
  return `${pid}@${hostname()}${pidNamespace()}`;
}

/** Whether a worker is known to be gone: it was a process here, and that has ended. Temporal lists it for minutes. */
export function isGoneWorker(identity: string): boolean {
  const pid = Number.parseInt(identity, 10);
  return identity === workerIdentity(pid) && !isProcessAlive(pid);
}

/** Containers may share the host's name, and yet number their processes by themselves. */
function pidNamespace(): string {
  try {
    return `/${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? ''}`;
  } catch {
    return '';
  }
}
