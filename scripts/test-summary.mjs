/**
 * Prints the sum of the JSON reports of test runs as one line: `12 passed, 0 failed`, with `, 1 skipped` if tests were
 * left out. A file that failed as a whole, before any of its tests ran, counts as one failure.
 */
import { readFileSync } from 'node:fs';
import { runScript, SetupError } from './setup-error.mjs';

await runScript(() => {
  const counts = process.argv.slice(2).map((file) => countsOf(readReport(file)));
  const sum = (name) => counts.reduce((total, one) => total + one[name], 0);
  const parts = [`${sum('passed')} passed`, `${sum('failed')} failed`];
  const skipped = sum('skipped');
  process.stdout.write(`${[...parts, ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ')}\n`);
});

function countsOf(report) {
  const wholeFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  ).length;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + wholeFiles,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new SetupError(`The tests left no report at ${file}: ${cause.message}`);
  }
}
