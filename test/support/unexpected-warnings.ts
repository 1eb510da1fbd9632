import process from 'node:process';
import { afterAll } from 'vitest';

/*
 * Loaded before every test file: a warning of Node, in the test's own process or in one that it has started, fails the
 * file. Such a warning (too many listeners, a timer that cannot wait so long, a deprecated call) tells of a fault that
 * no expectation looks for.
 */

/** How Node writes a warning to stderr, such as "(node:12) MaxListenersExceededWarning: …". */
const WARNING_LINE = /^\(node:\d+\) .*Warning\b.*$/gm;

const warnings: string[] = [];

process.on('warning', ({ stack, name, message }) => warnings.push(stack ?? `${name}: ${message}`));

/** Looks for warnings in what a Node process has written to stderr. */
export function noteWarnings(stderr: string): void {
  warnings.push(...(stderr.match(WARNING_LINE) ?? []));
}

afterAll(() => {
  if (warnings.length === 0) return;
  throw new Error(`${warnings.length} warnings that no test expects:\n${warnings.join('\n')}`);
});
