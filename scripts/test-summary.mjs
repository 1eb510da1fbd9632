/*
 * Prints what a test run's JSON report counts as one line: `12 passed, 0 failed`, with `, 1 skipped` where tests were
 * left out. A file that failed as a whole, before any of its tests ran, counts as one failure.
 */
import { readFileSync } from 'node:fs';
import { runScript, SetupError } from './setup-error.mjs';

await runScript(() => {
  const file = process.argv[2];
  const report = readReport(file);
  const wholeFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  ).length;
  const skipped = report.numPendingTests + report.numTodoTests;
  const failed = report.numFailedTests + wholeFiles;
  const parts = [`${report.numPassedTests} passed`, `${failed} failed`];
  process.stdout.write(`${[...parts, ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ')}\n`);
});

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new SetupError(`The tests left no report at ${file}: ${cause.message}`);
  }
}
