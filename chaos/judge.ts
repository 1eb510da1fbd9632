import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';
import type { Tally } from '../src/domain/batch/tally.js';
import { expectCorrect } from '../test/support/batches/batch-verdict.js';
import type { Arena } from './arena.js';
import type { ChaosBatch } from './chaos-batches.js';
import { unexpectedEnds } from './expected-ends.js';

/** The result of a batch. */
export interface Judgement {
  readonly batch: ChaosBatch;
  /** Absent if the batch has no correct report. */
  readonly tally: Tally | undefined;
  readonly jobs: number;
  /** Violated expectations; empty for a correct batch. */
  readonly problems: readonly string[];
}

const LONGEST_PROBLEM = 2_000;

/**
 * Judges every finished batch, and the run as a whole. The first list has the batches, the second problems of no single
 * batch.
 */
export async function judge(
  arena: Arena,
): Promise<{ readonly batches: readonly Judgement[]; readonly problems: readonly string[] }> {
  const { engine, workers, batches } = arena;
  const judgements: Judgement[] = [];
  for (const batch of batches.all) judgements.push(await judgeBatch(arena, batch));
  const known = judgements.reduce((sum, { jobs }) => sum + jobs, 0);
  const made = engine.sandbox.jobs().length;
  const allSound = judgements.every(({ problems }) => problems.length === 0);
  return {
    batches: judgements,
    problems: [
      ...workers.endedByThemselves.map((last) => `A worker exited by itself: ${last}`),
      ...(allSound && known !== made
        ? [`${made} jobs were made, ${known} of them for rows of a batch.`]
        : []),
    ],
  };
}

async function judgeBatch(arena: Arena, batch: ChaosBatch): Promise<Judgement> {
  const { engine, plan } = arena;
  const { status, snapshot, batchId } = batch;
  if (status !== 'COMPLETED') {
    const state = JSON.stringify({ phase: snapshot?.phase, holds: snapshot?.holds, tally: snapshot?.tally });
    return {
      batch,
      tally: snapshot?.tally,
      jobs: 0,
      problems: [`It did not finish correctly: ${status} ${state}`],
    };
  }
  try {
    // All expectations of a batch, including `banana-batch verify`, are checked here.
    const { report, outcomes, rows, jobs } = await expectCorrect(engine, {
      batchId,
      rows: batch.plan.rows,
      mayRetryEarly: true,
    });
    const jobsFail = plan.misbehaviour > 0 || plan.faults.some(({ kind }) => kind === 'jobs-fail');
    const problems = unexpectedEnds(outcomes, rows, jobsFail);
    return { batch, tally: report.tally, jobs, problems };
  } catch (error) {
    return { batch, tally: undefined, jobs: 0, problems: [problemOf(error)] };
  }
}

/** A failed expectation with the found and the expected value. */
function problemOf(error: unknown): string {
  const { success, data } = Unmet.safeParse(error);
  const text = error instanceof Error ? error.message : String(error);
  const values = success ? `\nfound ${clipped(data.actual)}\nexpected ${clipped(data.expected)}` : '';
  return `${stripVTControlCharacters(text).slice(0, LONGEST_PROBLEM)}${values}`;
}

const Unmet = z.object({ actual: z.unknown(), expected: z.unknown() });

function clipped(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, LONGEST_PROBLEM);
}
