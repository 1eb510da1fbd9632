import pc from 'picocolors';
import prettyMs from 'pretty-ms';
import type { BatchStatus, OldestRow } from '../../status/status-document.js';
import { counted } from '../../domain/text/full-stop.js';
import { compareDecimals } from '../../domain/money/decimal.js';
import { isOverdue } from '../../status/oldest-rows.js';
import { oneLine } from '../terminal/table.js';

/** Colours for a stream: none unless it is a terminal, and none with NO_COLOR. */
export function coloursFor(
  stream: NodeJS.WriteStream,
  environment: Readonly<Record<string, string | undefined>>,
): ReturnType<typeof pc.createColors> {
  return pc.createColors(stream.isTTY && !environment['NO_COLOR']);
}

const BAR_CELLS = 30;

/** A bar of the ended rows; failed ones are marked. Pure. */
function bar(status: Pick<BatchStatus, 'total' | 'stored' | 'failed' | 'rejected' | 'cancelled'>): string {
  const { total, stored, failed, rejected, cancelled } = status;
  const cells = (count: number): number => (total === 0 ? 0 : Math.floor((count / total) * BAR_CELLS));
  const good = cells(stored);
  const bad = cells(stored + failed + rejected + cancelled) - good;
  return '█'.repeat(good) + '▒'.repeat(bad) + '░'.repeat(BAR_CELLS - good - bad);
}

/** The state of a batch on one line, for logs and pipes. */
export function statusLine(status: BatchStatus): string {
  const ended = status.stored + status.failed + status.rejected + status.cancelled;
  return [
    `${status.batchId} ${status.state}`,
    `${ended}/${status.total}`,
    ...countTexts(status),
    ...(status.imagesPerMinute ? [`${status.imagesPerMinute}/min`] : []),
    ...(status.etaSeconds ? [etaText(status.etaSeconds)] : []),
    ...paceText(status),
    ...overdueNote(status),
    ...(status.reason ? [status.reason] : []),
  ].join(' · ');
}

/** The state of a batch for users, on several lines. */
export function statusBlock(status: BatchStatus, colours: ReturnType<typeof pc.createColors>): string {
  const ended = status.stored + status.failed + status.rejected + status.cancelled;
  const percent = status.total === 0 ? 0 : Math.floor((ended / status.total) * 100);
  const state = stateColour(status, colours)(status.state);
  const facts = [
    ...countTexts(status),
    ...(status.imagesPerMinute ? [`${status.imagesPerMinute} images/min`] : []),
    ...(status.etaSeconds ? [etaText(status.etaSeconds)] : []),
  ];
  const lines = [
    `${colours.bold(status.batchId)}  ${state}  ${colours.yellow(bar(status))}  ${ended}/${status.total}  ${percent} %`,
    `  ${facts.join(' · ')}`,
    ...status.holds.flatMap(({ scope, message, since, nextProbeAt, said }) => [
      colours.yellow(`  held (${scope}) since ${timeOf(since)}: ${message}`),
      ...(said === undefined ? [] : [`  the service said: ${said}`]),
      ...nextCheckText(nextProbeAt, status.workers, Date.now()).map((text) => `  ${text}`),
    ]),
    ...(status.budget ? [budgetLine(status.budget, status.endedAt !== undefined)] : []),
    ...asideTexts(status).map((text) => colours.yellow(`  ${text}`)),
    ...paceText(status).map((text) => colours.yellow(`  ${text}`)),
    ...overdueLines(status).map((line) => colours.yellow(line)),
    ...(status.reason && (status.holds.length === 0 || status.state === 'stuck')
      ? status.reason.split(' · ').map((part) => colours.yellow(`  ${part}`))
      : []),
    ...(status.workers === 0 && status.endedAt === undefined
      ? [colours.yellow('  No worker is running; start one: npx banana-batch worker')]
      : []),
  ];
  return lines.join('\n');
}

/** The next check whether a hold has ended. A past time means that the check is running, if there is a worker. */
export function nextCheckText(
  nextProbeAt: string | undefined,
  workers: number | undefined,
  nowMs: number,
): readonly string[] {
  if (nextProbeAt === undefined) return [];
  if (Date.parse(nextProbeAt) > nowMs) return [`next check ${timeOf(nextProbeAt)}`];
  return workers === 0 ? [] : ['checking now'];
}

function budgetLine(
  { cap, committed, images, unknown }: NonNullable<BatchStatus['budget']>,
  isOver: boolean,
): string {
  const paid = `${counted(images, 'image')} paid`;
  const parts = [
    ...(isOver || compareDecimals(committed, '0') === 0
      ? []
      : [`${paid}, the rest reserved for jobs in flight`]),
    ...(isOver && images > 0 ? [paid] : []),
    ...(unknown === undefined ? [] : [`${unknown} of it reserved by terminated shards`]),
  ];
  const note = parts.length === 0 ? '' : ` (${parts.join('; ')})`;
  return `  budget ${cap} · ${committed} committed${note}`;
}

/** Why pending rows are not made although nothing holds the batch. */
function asideTexts({ aside }: BatchStatus): readonly string[] {
  const { failing, missing } = aside;
  return [
    ...(failing > 0
      ? [
          `${counted(failing, 'row')} set aside: the service keeps failing for ${failing === 1 ? 'it' : 'them'} only; retried with growing pauses`,
        ]
      : []),
    ...(missing > 0
      ? [
          `${counted(missing, 'row')} set aside: the service does not find ${missing === 1 ? 'its job' : 'their jobs'} (404); polled again`,
        ]
      : []),
  ];
}

/** Text that 429s have lowered the pace; a stopped batch has a more important reason to show. */
function paceText({ pace, concurrency, state }: BatchStatus): readonly string[] {
  if (!pace || state !== 'running') return [];
  const { notBefore, fullAt } = pace;
  const waits = notBefore === undefined ? '' : `, no new jobs before ${timeOf(notBefore)}`;
  return [
    `slowed to ${pace.concurrency} of ${concurrency} jobs in flight until ${timeOf(fullAt)}, because the service answers 429 (too many requests)${waits}`,
  ];
}

function countTexts(status: BatchStatus): string[] {
  const kinds = Object.entries(status.failuresByKind).map(([kind, count]) => `${count} ${kind}`);
  const counts: [number, string][] = [
    [status.pending, 'pending'],
    [status.inFlight, 'in flight'],
    [status.copying, 'copying'],
    [status.rejected, 'rejected'],
    [status.cancelled, 'cancelled'],
  ];
  return [
    `${status.stored} stored`,
    ...(status.failed > 0 ? [`${status.failed} failed (${kinds.join(', ')})`] : []),
    ...counts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`),
  ];
}

function stateColour(
  { state, failed }: BatchStatus,
  colours: ReturnType<typeof pc.createColors>,
): (text: string) => string {
  switch (state) {
    case 'completed':
      return failed > 0 ? colours.yellow : colours.green;
    case 'failed':
    case 'stuck':
      return colours.red;
    case 'held':
    case 'paused':
    case 'cancelled':
    case 'cancelling':
      return colours.yellow;
    case 'preparing':
    case 'running':
    case 'sealing':
      return colours.cyan;
  }
}

function etaText([low, high]: readonly [number, number]): string {
  const [least, most] = [secondsText(low), secondsText(high)];
  return least === most ? `about ${least} left` : `${least} – ${most} left`;
}

function secondsText(value: number): string {
  return prettyMs(value * 1000, { secondsDecimalDigits: 0 });
}

function timeOf(iso: string): string {
  const time = new Date(iso);
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? time.toTimeString().slice(0, 8) : iso;
}

type OldestRows = Pick<BatchStatus, 'batchId' | 'oldestRows' | 'usualSeconds' | 'holds'>;

/** The rows that take unusually long, and what to do about them; empty while a hold explains why rows wait. */
export function overdueLines(status: OldestRows): readonly string[] {
  const { batchId, usualSeconds } = status;
  const rows = overdueRows(status);
  if (rows.length === 0) return [];
  const usual = usualSeconds === undefined ? '' : ` (19 of 20 jobs end within ${secondsText(usualSeconds)})`;
  const isAnyKnown = rows.some(({ rowId }) => rowId !== undefined);
  const details = isAnyKnown ? `Details: npx banana-batch row ${batchId} ROWID. ` : '';
  return [
    `  oldest rows${usual}:`,
    ...rows.map((row) => `    ${rowText(row)}`),
    `  ${details}Waiting loses nothing; "cancel" ends the batch and keeps the job ids; in a batch submitted with --job-timeout, such rows fail by themselves.`,
  ];
}

/** The same for one line: the oldest of them. */
export function overdueNote(status: OldestRows): readonly string[] {
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
