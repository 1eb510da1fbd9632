import process from 'node:process';
import { afterAll } from 'vitest';
import { notedWarnings } from './noted-warnings.js';

/*
 * Loaded before every test file: a warning of Node, in the test's own process or in one that it has started, fails the
 * file. Such a warning (too many listeners, a timer that cannot wait so long, a deprecated call) tells of a fault that
 * no expectation looks for.
 */

const ownWarnings: string[] = [];

process.on('warning', ({ stack, name, message }) => ownWarnings.push(stack ?? `${name}: ${message}`));

afterAll(() => {
  const warnings = [...ownWarnings, ...notedWarnings];
  if (warnings.length === 0) return;
  throw new Error(`${warnings.length} warnings that no test expects:\n${warnings.join('\n')}`);
});
