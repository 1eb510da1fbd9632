import { addressOf } from '../../storage/layout.js';
import { rowsToRun, type CountByKind } from '../../plan/plan-counts.js';
import { KINDS_TRIED_AGAIN, UNSTORED_KINDS } from '../../domain/rows/failure-kind.js';
import { batchWorkflowId } from '../../workflows/protocol/names.js';
import { counted } from '../../domain/text/full-stop.js';
import type { AgainPlan } from '../../starter.js';
import { awaitedLines, renamedLines, runLine } from '../submit/submission-plan-text.js';

function orList(kinds: readonly string[]): string {
  return `${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1) ?? ''}`;
}

/** The plan of a retry or redo as lines of text. */
export function againText(plan: AgainPlan): string {
  const { run, repeats, request } = plan;
  const lines = [`Batch      ${run.batchId} → ${addressOf(run)}`];
  if (repeats !== undefined) {
    lines.push(`Repeats    run ${repeats}, which was terminated before its rows were read`);
  }
  lines.push(runLine(run.runSeq, runText(plan)), ...awaitedLines(plan), ...renamedLines(plan));
  const skipped = kindsText(plan.skippedByKind);
  if (skipped) lines.push(`Skipped    ${skipped}`);
  const left = UNSTORED_KINDS.filter((kind) => (plan.skippedByKind[kind] ?? 0) > 0);
  if (left.length > 0 && request.action === 'retry') {
    lines.push(`           to retry only these: --kind ${left.join(',')}`);
  }
  return `${lines.join('\n')}\n`;
}

function runText(plan: AgainPlan): string {
  const sheet = [
    [plan.new, 'new'],
    [plan.changed, 'changed'],
    [plan.removed, 'removed'],
  ] as const;
  const parts = [
    ...sheet.flatMap(([count, word]) => (count > 0 ? [`${count} ${word}`] : [])),
    ...(plan.redone > 0 ? [`redo ${counted(plan.redone, 'row')}`] : []),
    ...(plan.again > 0 ? [`retry ${counted(plan.again, 'row')}: ${kindsText(plan.againByKind)}`] : []),
  ];
  return parts.length > 0 ? parts.join('; ') : 'no rows to retry';
}

function kindsText(counts: CountByKind): string {
  return Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind === 'unended' ? 'unfinished' : kind}`)
    .join(', ');
}

/** Why there is nothing to do, and what would be possible. */
export function nothingToDoText(plan: AgainPlan): string {
  const left = Object.keys(plan.skippedByKind).length > 0;
  const named = plan.request.kinds.length > 0;
  if (!left) return 'Nothing to do: every row has its image.\n';
  if (named) return `Nothing to retry: no row ended as ${plan.request.kinds.join(' or ')}.\n`;
  return `Nothing to retry. Rows that ended as ${orList(UNSTORED_KINDS.filter((kind) => !KINDS_TRIED_AGAIN.has(kind)))} are retried only with --kind.\n`;
}

/** The output of `retry --json` and `redo --json`; scripts rely on it. */
export function againJson(plan: AgainPlan): string {
  const { run, request } = plan;
  return JSON.stringify({
    batchId: run.batchId,
    workflowId: batchWorkflowId(run.batchId),
    runSeq: run.runSeq,
    action: request.action,
    repeats: plan.repeats ?? null,
    rows: rowsToRun(plan),
    new: plan.new,
    changed: plan.changed,
    again: plan.again,
    againByKind: plan.againByKind,
    redone: plan.redone,
    awaited: plan.awaited,
    unchanged: plan.unchanged,
    skippedByKind: plan.skippedByKind,
    removed: plan.removed,
    kept: plan.kept,
    renamed: plan.renamed,
    location: addressOf(run),
  });
}
