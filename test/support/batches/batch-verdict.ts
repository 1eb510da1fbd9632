import { createHash } from 'node:crypto';
import pMap from 'p-map';
import { expect } from 'vitest';
import { Differences, type Difference } from '../../../src/ledger/audit/difference.js';
import { findNewestSeal } from '../../../src/ledger/audit/newest-seal.js';
import { verifyBatch } from '../../../src/ledger/audit/verify-batch.js';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import type { GenerationRecord, RowOutcome } from '../../../src/domain/rows/outcome.js';
import { fromStoredIdentity } from '../../../src/domain/images/stored-identity.js';
import {
  addsUp,
  addTallies,
  EMPTY_TALLY,
  sameEnds,
  tallyOfSettled,
} from '../../../src/domain/batch/tally.js';
import type { RunningSandbox } from '../../../src/local/sandbox/index.js';
import type { ObjectStore } from '../../../src/storage/object-store.js';
import { at, batchRoot, imagesPrefix, type BatchLocation } from '../../../src/storage/layout.js';
import { readEvidence, type BatchEvidence } from './batch-evidence.js';
import type { TestServices } from '../stack/test-services.js';

/** The result of a batch after all its invariants were checked. */
export interface BatchVerdict extends BatchEvidence {
  /** Jobs that the sandbox made for the batch; each is recorded. */
  readonly jobs: number;
}

/** The jobs that a sandbox has made so far, to leave out those of earlier batches over the same prompts. */
export function jobIdsOf(sandbox: RunningSandbox): ReadonlySet<string> {
  return new Set(sandbox.jobs().map(({ jobId }) => jobId));
}

/**
 * Asserts the invariants of a finished batch after any fault: the counts add up; every row is stored once, under its
 * own name and with its own picture, or ended for a reported reason; the jobs made are exactly those recorded, one per
 * generation, a later one only after the earlier failed or was gone; no key was replayed with another body, no 429
 * ignored; `banana-batch verify --deep` finds nothing.
 */
export async function expectCorrect(
  { stack, sandbox }: Pick<TestServices, 'stack' | 'sandbox'>,
  batch: {
    readonly batchId: string;
    /** Rows of the sheet, including rejected ones. */
    readonly rows: number;
    /** Of earlier batches over the same prompts. */
    readonly otherJobs?: ReadonlySet<string>;
    /**
     * A request may have been sent without knowing an earlier Retry-After: a workflow was reset or terminated, or a
     * worker replaced.
     */
    readonly mayRetryEarly?: boolean;
  },
): Promise<BatchVerdict> {
  const { store, bucket } = stack.s3;
  const location = { bucket, root: `${batch.batchId}/`, batchId: batch.batchId as BatchId };
  const evidence = await readEvidence(store, location);
  const { outcomes, rows } = evidence;
  expectCountsAddUp(evidence, batch.rows);
  for (const outcome of outcomes) expectDeliberate(outcome);
  const jobs = expectJobsRecorded(sandbox, evidence, batch.otherJobs ?? new Set());
  const { replayMismatches, retriedTooEarly } = sandbox.stats();
  expect({ replayMismatches }).toEqual({ replayMismatches: 0 });
  if (!batch.mayRetryEarly) expect({ retriedTooEarly }).toEqual({ retriedTooEarly: 0 });
  await expectImagesRight({ store, sandbox }, location, evidence);
  expect(await differencesOf(store, location)).toEqual([]);
  expect(rows.size).toBe(outcomes.length);
  return { ...evidence, jobs };
}

/** What `banana-batch verify --deep` finds wrong. */
async function differencesOf(store: ObjectStore, location: BatchLocation): Promise<readonly Difference[]> {
  const found = await findNewestSeal(store, location);
  if (found.kind !== 'sealed') throw new Error(`${location.batchId} is not sealed.`);
  const differences = new Differences(20);
  await verifyBatch({
    store,
    seal: found.seal,
    deep: true,
    differences,
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
  return differences.kept;
}

/**
 * `expectCorrect`, and a line about the fault for the table of faults. `faultOver` is the `performance.now()` at which
 * the fault's cause ended.
 */
export async function expectRecovered(
  services: Pick<TestServices, 'stack' | 'sandbox'>,
  batch: Parameters<typeof expectCorrect>[1] & { readonly fault: string; readonly faultOver: number },
): Promise<BatchVerdict> {
  const seconds = (performance.now() - batch.faultOver) / 1000;
  const verdict = await expectCorrect(services, batch);
  const { stored, failed, cancelled } = verdict.report.tally;
  const ends = [
    `${stored} stored`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
  ];
  process.stdout.write(
    `FAULT | ${batch.fault} | ${batch.rows} rows | ${ends.join(', ')} | ${verdict.jobs} paid | ${seconds.toFixed(1)} s |\n`,
  );
  return verdict;
}

function expectCountsAddUp({ report, outcomes, metadata }: BatchEvidence, rows: number): void {
  const { tally } = report;
  expect(addsUp(tally)).toBe(true);
  expect(tally).toMatchObject({ total: rows, pending: 0, inFlight: 0, copying: 0 });
  const { rejected } = tally;
  const counted = addTallies(tallyOfSettled(outcomes), { ...EMPTY_TALLY, total: rejected, rejected });
  expect({ counted, facts: tally, same: sameEnds(counted, tally) }).toMatchObject({ same: true });
  expect(tally.generations).toBe(counted.generations);
  expect(Object.values(report.charged).reduce((sum, count) => sum + count, 0)).toBe(counted.generations);
  expect(metadata).toHaveLength(tally.stored);
  expect(new Set(outcomes.map(({ rowId }) => rowId)).size).toBe(outcomes.length);
}

/** A row's generations: each but the last failed, was gone or was not recorded, and the end follows from the last. */
function expectDeliberate(outcome: RowOutcome): void {
  const { rowId, end, generations } = outcome;
  const facts = { rowId, end, generations };
  const numbers = generations.map(({ generation }) => generation);
  expect({ ...facts, numbers }).toMatchObject({ numbers: [...new Set(numbers)].sort((a, b) => a - b) });
  const unrecorded = unrecordedOf(outcome);
  const undeliberate = generations
    .slice(0, -1)
    .filter((record) => !['failed', 'gone'].includes(record.end) && !unrecorded.includes(record));
  expect({ ...facts, undeliberate }).toMatchObject({ undeliberate: [] });
  const last = generations.at(-1);
  if (end.kind === 'stored')
    expect(facts).toMatchObject({
      generations: expect.arrayContaining([expect.objectContaining({ end: 'done' })]),
    });
  if (end.kind !== 'failed') return;
  expect(end.message).not.toBe('');
  expect({ ...facts, lastEnd: last?.end }).toMatchObject({
    lastEnd: expect.stringMatching(ENDS_OF_FAILURE[end.failure]),
  });
}

/**
 * Generations of a row before the one whose image was found in the bucket, after the workflow that had made them was
 * terminated: that they failed shows only in the later one.
 */
function unrecordedOf({ end, generations }: RowOutcome): readonly GenerationRecord[] {
  if (end.kind !== 'stored' || !end.adopted) return [];
  return generations.slice(0, -1).filter(({ openedSinceMs }) => openedSinceMs !== undefined);
}

/** Jobs that a row may have without a record: an unanswered create, or jobs that were not recorded. */
function unknownJobsOf(outcome: RowOutcome): number {
  const last = outcome.generations.at(-1);
  if (last?.end === 'unanswered') return 1;
  if (!last || unrecordedOf(outcome).length === 0) return 0;
  return last.generation - outcome.generations.filter(({ jobId }) => jobId !== undefined).length;
}

const ENDS_OF_FAILURE = {
  invalid: /^invalid$/,
  refused: /^failed$/,
  flaky: /^(failed|gone)$/,
  'timed-out': /^unfinished$/,
  'result-gone': /^done$/,
  'unknown-charge': /^unanswered$/,
  'service-error': /^(open|unanswered)$/,
  'shard-lost': /^(open|unanswered)$/,
} as const;

/** The jobs of the batch's prompts: each recorded in a generation of its row, none twice. Returns their number. */
function expectJobsRecorded(
  sandbox: RunningSandbox,
  { outcomes, rows }: BatchEvidence,
  otherJobs: ReadonlySet<string>,
): number {
  const prompts = new Set([...rows.values()].map(({ prompt }) => sha256Of(prompt)));
  const made = sandbox
    .jobs()
    .filter(({ jobId, promptSha256 }) => prompts.has(promptSha256) && !otherJobs.has(jobId))
    .map(({ jobId }) => jobId);
  const recorded = outcomes.flatMap(({ generations }) => generations.flatMap(({ jobId }) => jobId ?? []));
  const unknown = outcomes.reduce((sum, outcome) => sum + unknownJobsOf(outcome), 0);
  const known = new Set<string>(recorded);
  expect(known.size).toBe(recorded.length);
  expect(made).toEqual(expect.arrayContaining(recorded));
  expect(made.filter((jobId) => !known.has(jobId)).length).toBeLessThanOrEqual(unknown);
  return made.length;
}

/** The images' folder contains exactly one image for each stored row: its own, whose prompt the sandbox has drawn. */
async function expectImagesRight(
  { store, sandbox }: { readonly store: ObjectStore; readonly sandbox: RunningSandbox },
  location: BatchLocation,
  { outcomes, rows }: BatchEvidence,
): Promise<void> {
  const listed: string[] = [];
  for await (const { key } of store.list(location.bucket, imagesPrefix(location))) {
    if (!key.endsWith('/metadata.jsonl')) listed.push(key.slice(batchRoot(location).length));
  }
  const stored = outcomes.filter(({ end }) => end.kind === 'stored');
  expect(new Set(listed)).toEqual(new Set(stored.map(({ imageKey }) => imageKey)));
  expect(listed).toHaveLength(stored.length);
  const expectRight = async ({
    rowId,
    contentHash,
    imageKey,
    end,
    generations,
  }: RowOutcome): Promise<void> => {
    const row = rows.get(rowId);
    if (!row || end.kind !== 'stored' || !imageKey)
      throw new Error(`${rowId} is no stored row of the batch.`);
    const key = `${batchRoot(location)}${imageKey}`;
    const drawn = sha256Of(sandbox.imageOf(row));
    const head = await store.head(at(location, key));
    const identity = fromStoredIdentity(head?.metadata ?? {});
    expect({ rowId, facts: end.image.sha256, bytes: await digestAt(store, location, key) }).toEqual({
      rowId,
      facts: drawn,
      bytes: drawn,
    });
    expect(identity).toMatchObject({ contentHash, image: end.image });
    if (!end.adopted) expect(generations.map(({ jobId }) => jobId)).toContain(identity?.jobId);
  };
  await pMap(stored, expectRight, { concurrency: 8 });
}

async function digestAt(store: ObjectStore, location: BatchLocation, key: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of await store.read(at(location, key))) {
    const bytes: Uint8Array = chunk;
    hash.update(bytes);
  }
  return hash.digest('hex');
}

function sha256Of(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
