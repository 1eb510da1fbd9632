import { readdirSync, readFileSync } from 'node:fs';

/** Whether no process has this pid; one that has ended and only waits to be reaped is gone. */
export function isProcessGone(pid: number): boolean {
  return !answersSignals(pid) || processStat(pid)?.state === 'Z';
}

/** The same for all processes of a group. */
export function isProcessGroupGone(groupId: number): boolean {
  if (!answersSignals(-groupId)) return true;
  const members = readdirSync('/proc')
    .map(Number)
    .filter(Number.isInteger)
    .flatMap((pid) => processStat(pid) ?? [])
    .filter((stat) => stat.groupId === groupId);
  return members.every(({ state }) => state === 'Z');
}

function answersSignals(target: number): boolean {
  try {
    process.kill(target, 0);
    return true;
  } catch {
    return false;
  }
}

function processStat(pid: number): { readonly state: string; readonly groupId: number } | undefined {
  try {
    // After the command, which is in parentheses and may contain any character: state, parent, group.
    const match = /^.*\) (\w) \d+ (\d+) /s.exec(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
    return match === null ? undefined : { state: match[1] ?? '', groupId: Number(match[2]) };
  } catch {
    return undefined;
  }
}
