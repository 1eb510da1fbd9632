import Table from 'cli-table3';
import type { MadeJob } from './creates.js';
import type { SuiteRun } from './suite.js';
import type { Result, Verdict } from './verdict.js';

/** A table without lines between its rows, whose third column wraps at 60 characters. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [] },
    colWidths: [null, null, 62],
    wordWrap: true,
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

/** The result of a run: a line per check, the created jobs, and the counts. */
export function resultText(run: SuiteRun): string {
  const rows = run.results.map(({ id, verdict, sentence }) => [
    id,
    labelOf(verdict),
    detailOf(verdict, sentence),
  ]);
  return [tableOf(['check', 'result', ''], rows), ...jobsLines(run.jobs), countsLine(run.results)].join('\n');
}

function labelOf(verdict: Verdict): string {
  return verdict.kind === 'fail' ? 'FAIL' : verdict.kind;
}

function detailOf(verdict: Verdict, sentence: string): string {
  switch (verdict.kind) {
    case 'pass':
      return verdict.note === undefined ? sentence : `${sentence} (${verdict.note})`;
    case 'fail':
      return `${sentence}\nexpected: ${verdict.expected}\nreceived: ${verdict.came}`;
    case 'skipped':
      return `${sentence}\n${verdict.why}${verdict.enable === undefined ? '' : `; runs ${verdict.enable}`}`;
    case 'finding':
      return `${sentence}\n${verdict.says}`;
  }
}

/** The jobs that a run has created, including unintended ones. */
function jobsLines(jobs: readonly MadeJob[]): readonly string[] {
  if (jobs.length === 0) return ['Jobs created: none'];
  return [
    `Jobs created: ${jobs.length}`,
    ...jobs.map(({ jobId, purpose, intended }) => {
      const name = jobId ?? 'id unknown';
      return `  ${name}  ${purpose}${intended ? '' : '  (should not have been created)'}`;
    }),
  ];
}

function countsLine(results: readonly Result[]): string {
  const count = (kind: Verdict['kind']) => results.filter(({ verdict }) => verdict.kind === kind).length;
  return `${count('pass')} pass · ${count('fail')} FAIL · ${count('skipped')} skipped · ${count('finding')} findings`;
}
