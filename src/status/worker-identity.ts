import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isProcessAlive } from '../local/servers/process-alive.js';

/** The identity of this process's workers in Temporal: pid, host, and on Linux the pid's namespace. */
export function workerIdentity(pid = process.pid): string {
  return `${pid}@${hostname()}${pidNamespace()}`;
}

/** Whether a worker is known to be gone: its process on this machine has ended. Temporal lists it for minutes. */
export function isGoneWorker(identity: string): boolean {
  const pid = Number.parseInt(identity, 10);
  return identity === workerIdentity(pid) && !isProcessAlive(pid);
}

/** Containers may share the host's name but number their processes separately. */
function pidNamespace(): string {
  try {
    return `/${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? ''}`;
  } catch {
    return '';
  }
}
