import type { FiringNotice, NoticeEvent } from '../../domain/batch/notice.js';
import { FAILURE_KINDS, KINDS_TRIED_AGAIN } from '../../domain/rows/failure-kind.js';

/**
 * The text of a notice for users, in a few sentences: what happened, in numbers, and the command that helps. For
 * Slack and compatible markup: `&`, `<` and `>` are escaped, so that no name or message becomes a link or notifies a
 * whole channel.
 */
export function noticeText(event: NoticeEvent): string {
  return sentencesOf(event)
    .filter(Boolean)
    .join(' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** The page to open after a run has ended; undefined if there is none. */
export function contactSheetOf({
  batch,
  end,
  tally,
}: Extract<NoticeEvent, { type: 'batch.ended' }>): string | undefined {
  return end === 'failed' || tally.total === 0 ? undefined : `${batch.address}contact-sheet.html`;
}

function sentencesOf(event: NoticeEvent): readonly string[] {
  switch (event.type) {
    case 'batch.ended':
      return endSentences(event);
    case 'batch.held': {
      const { scope, since, message } = event.hold;
      const { batchId } = event.batch;
      return [`Batch ${batchId} is held (${scope}) since ${clock(since)}: ${message}`, seeStatus(batchId)];
    }
    case 'batch.paused':
      return [`Batch ${event.batch.batchId} is paused. ${event.pause.message}`];
    case 'batch.stuck':
      return [`Batch ${event.batch.batchId} is stuck: ${event.message}`, seeStatus(event.batch.batchId)];
    case 'schedule.firing-skipped':
      return firingSentences(event, 'skipped its run');
    case 'schedule.firing-failed':
      return firingSentences(event, 'could not start its run');
    case 'test':
      return ['A test notice of banana-batch: notices arrive here.'];
  }
}

function endSentences(event: Extract<NoticeEvent, { type: 'batch.ended' }>): readonly string[] {
  const { batch, end, tally, cost } = event;
  const { batchId } = batch;
  const { total, stored, failed, rejected, cancelled } = tally;
  const page = contactSheetOf(event);
  const goOn = `\`banana-batch retry ${batchId}\``;
  const images = total === 0 ? '' : `${stored} of ${total} rows have their images`;
  const others = [
    failed > 0 && `${failed} failed (${kindsOf(tally.failuresByKind)})`,
    rejected > 0 && `${rejected} rejected (see rejects.csv)`,
    cancelled > 0 && `${cancelled} cancelled`,
  ].filter((text) => text !== false);
  const counts = [images, ...others].filter(Boolean).join(', ');
  const look = page === undefined ? '' : `Contact sheet: ${page}`;
  const price = cost === undefined ? '' : `It cost ${cost}.`;
  switch (end) {
    case 'completed':
      return [`Batch ${batchId} is done: ${counts}.`, price, look, retryText(batchId, tally.failuresByKind)];
    case 'cancelled':
      return total === 0
        ? [`Batch ${batchId} was cancelled before its sheet was read: nothing was bought.`]
        : [`Batch ${batchId} was cancelled: ${counts}.`, price, look, `Continue: ${goOn}`];
    case 'failed':
      return [
        `Batch ${batchId} was terminated or failed${counts && `: ${counts}, as far as recorded`}.`,
        `Recorded rows are kept. Continue: ${goOn}`,
      ];
  }
}

/** How to retry failed rows; empty if `retry` selects none by default. */
function retryText(batchId: string, failuresByKind: Parameters<typeof kindsOf>[0]): string {
  const kinds = FAILURE_KINDS.filter((kind) => failuresByKind[kind] && KINDS_TRIED_AGAIN.has(kind));
  return kinds.length === 0
    ? ''
    : `Retry what may succeed (${kinds.join(', ')}): \`banana-batch retry ${batchId}\``;
}

function kindsOf(kinds: Readonly<Partial<Record<(typeof FAILURE_KINDS)[number], number>>>): string {
  return FAILURE_KINDS.flatMap((kind) => (kinds[kind] ? [`${kinds[kind]} ${kind}`] : [])).join(', ');
}

function firingSentences({ schedule, firingAt, reason }: FiringNotice, what: string): readonly string[] {
  return [
    `Schedule ${schedule} ${what} of ${firingAt.slice(0, 10)} ${clock(firingAt)}; nothing was bought for it. ${reason}`,
    `See: \`banana-batch schedule show ${schedule}\``,
  ];
}

function seeStatus(batchId: string): string {
  return `See: \`banana-batch status ${batchId}\``;
}

/** `02:00 UTC`; the time must be ISO 8601 in UTC. */
function clock(time: string): string {
  return `${time.slice(11, 16)} UTC`;
}
