/** How Node writes a warning to stderr, such as "(node:12) MaxListenersExceededWarning: …". */
const WARNING_LINE = /^\(node:\d+\) .*Warning\b.*$/gm;

/** Warnings of Node in the processes that this one has started. */
export const notedWarnings: string[] = [];

/** Looks for warnings in what a Node process has written to stderr. */
export function noteWarnings(stderr: string): void {
  notedWarnings.push(...(stderr.match(WARNING_LINE) ?? []));
}
