import { readFileSync } from 'node:fs';

/** Linux counts CPU time in hundredths of a second for all programs (USER_HZ). */
const TICK_MS = 10;

/** CPU times in a `/proc/PID/stat`, in milliseconds: of all threads, and of all children that have ended. */
export function parseCpuTimes(stat: string): { readonly ownMs: number; readonly childrenMs: number } {
  // The program's name, in parentheses, may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Source: proc_pid_stat(5), fields 14 to 17; the first one here is field 3.
  const ticks = fields.slice(11, 15).map(Number);
  const [user = NaN, system = NaN, childrenUser = NaN, childrenSystem = NaN] = ticks;
  return { ownMs: (user + system) * TICK_MS, childrenMs: (childrenUser + childrenSystem) * TICK_MS };
}

/** CPU time that a process has used so far; undefined where there is no /proc. */
export function cpuMsOf(pid: number | undefined): number | undefined {
  const stat = procFile(pid, 'stat');
  return stat === undefined ? undefined : parseCpuTimes(stat).ownMs;
}

/** CPU time of all children of this process that have ended; undefined where there is no /proc. */
export function endedChildrenCpuMs(): number | undefined {
  const stat = procFile(process.pid, 'stat');
  return stat === undefined ? undefined : parseCpuTimes(stat).childrenMs;
}

/** The most memory that a process has had so far; undefined where there is no /proc. */
export function peakBytesOf(pid: number): number | undefined {
  const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(procFile(pid, 'status') ?? '') ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

function procFile(pid: number | undefined, name: string): string | undefined {
  if (pid === undefined || process.platform !== 'linux') return undefined;
  return readFileSync(`/proc/${pid}/${name}`, 'utf8');
}

/** The difference of two figures for each of so many rows; undefined if either is. */
export function perRow(
  before: number | undefined,
  after: number | undefined,
  rows: number,
): number | undefined {
  const used = difference(before, after);
  return used === undefined ? undefined : used / rows;
}

/** What is left of the second after the first; undefined if either is. */
export function difference(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}
