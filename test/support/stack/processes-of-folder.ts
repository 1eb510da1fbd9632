import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * The processes, besides this one, that run in a folder or below it, or name it on their command line: as `pid command
 * line`, for a message. Zombies do not count.
 */
export function processesOfFolder(folder: string): readonly string[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .flatMap((pid) => {
      const commandLine = orNothing(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
      const workingFolder = orNothing(() => readlinkSync(`/proc/${pid}/cwd`));
      const isOfFolder = workingFolder.startsWith(folder) || commandLine.includes(folder);
      return isOfFolder ? [`${pid} ${commandLine.trim()}`] : [];
    });
}

/** Processes end while they are read, and other users' folders are not readable. */
function orNothing(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
