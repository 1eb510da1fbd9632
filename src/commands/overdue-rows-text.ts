import prettyMs from 'pretty-ms';
import type { BatchStatus, OldestRow } from '../status/status-document.js';
import { isOverdue } from '../status/oldest-rows.js';
import { oneLine } from '../cli/terminal/table.js';

type OldestRows = Pick<BatchStatus, 'batchId' | 'oldestRows' | 'usualSeconds' | 'holds'>;

/** The rows that take unusually long, and what to do about them; none while a hold says why rows wait. */
export function overdueLines(status: OldestRows): readonly string[] {
  const { batchId, usualSeconds } = status;
  const rows = overdueRows(status);
  if (rows.length === 0) return [];
  const usual = usualSeconds === undefined ? '' : ` (19 of 20 jobs end within ${secondsText(usualSeconds)})`;
  return [
    `  oldest rows${usual}:`,
    ...rows.map((row) => `    ${rowText(row)}`),
    `  Details: npx banana-batch row ${batchId} ROWID. Waiting loses nothing; "cancel" ends the batch and keeps the job ids; in a batch submitted with --job-timeout, such rows fail by themselves.`,
  ];
}

/** The same in a word for one line: the oldest of them. */
export function overdueWord(status: OldestRows): readonly string[] {
  const [oldest] = overdueRows(status);
  return oldest ? [`oldest row: ${idText(oldest)}, ${secondsText(oldest.ageSeconds)}`] : [];
}

function overdueRows({ oldestRows, usualSeconds, holds }: OldestRows): readonly OldestRow[] {
  if (holds.some(({ scope }) => !scope.startsWith('model:'))) return [];
  return oldestRows.filter(({ ageSeconds }) => isOverdue(ageSeconds, usualSeconds));
}

function rowText(row: OldestRow): string {
  const { phase, ageSeconds, generation, jobId } = row;
  const step = phase === 'copying' ? 'copying the image' : jobId ? 'waiting for the job' : 'creating the job';
  const facts = [`${step} for ${secondsText(ageSeconds)}`, `generation ${generation}`];
  return [idText(row), ...facts, ...(jobId ? [`job ${jobId}`] : [])].join(' · ');
}

function idText({ rowId }: OldestRow): string {
  return rowId === undefined ? 'a row whose id cannot be read from the bucket' : oneLine(rowId);
}

function secondsText(seconds: number): string {
  return prettyMs(seconds * 1000, { secondsDecimalDigits: 0 });
}
