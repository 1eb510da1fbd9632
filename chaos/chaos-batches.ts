import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { describeBatch, snapshotInMemo } from '../src/status/describe-batch.js';
import { lastRunSeq } from '../src/ledger/previous-runs.js';
import { stuckBatches } from '../src/status/stuck-workflow.js';
import type { BatchId } from '../src/domain/rows/ids.js';
import type { BatchSnapshot } from '../src/workflows/protocol/batch-messages.js';
import type { ProxiedEngine } from '../test/support/stack/test-engine.js';
import { callCommand } from './call-command.js';
import { chaosSheet } from './chaos-sheet.js';
import type { PlannedBatch } from './plan.js';

/** A batch of the run, in its last known state. */
export interface ChaosBatch {
  readonly plan: PlannedBatch;
  readonly batchId: BatchId;
  readonly startedMs: number;
  /** Submissions that are planned or running; the batch is not finished before they are. */
  submitting: number;
  /** How often it has failed as a whole and was retried. */
  failures: number;
  status: WorkflowExecutionDescription['status']['name'] | 'NOT_STARTED';
  snapshot: BatchSnapshot | undefined;
  endedMs: number | undefined;
}

/** How a batch is continued. */
type Way = 'retry' | 'retry-by-force' | 'submit';

const LOOK_EVERY_MS = 1_000;
const SUBMIT_AGAIN_MS = 2_000;
/** A batch that fails more often is incorrect. */
const MOST_FAILURES = 2;

/**
 * The batches of a run: submits them with the command, again if services are unreachable, and follows them to their
 * end.
 */
export class ChaosBatches {
  readonly #engine: ProxiedEngine;
  readonly #seed: string;
  readonly #say: (text: string) => void;
  readonly #stopped = new AbortController();
  readonly #all: ChaosBatch[] = [];
  readonly #submissions = new Set<Promise<void>>();
  readonly #following: Promise<void>;
  readonly #resuming = new Set<ChaosBatch>();
  #jobsComeBack = true;

  constructor(engine: ProxiedEngine, seed: string, say: (text: string) => void) {
    this.#engine = engine;
    this.#seed = seed;
    this.#say = say;
    this.#following = this.#follow(this.#stopped.signal);
  }

  get all(): readonly ChaosBatch[] {
    return this.#all;
  }

  /** Running batches without a pending submission. */
  get running(): readonly ChaosBatch[] {
    return this.#all.filter(({ status, submitting }) => status === 'RUNNING' && submitting === 0);
  }

  get unfinished(): readonly ChaosBatch[] {
    return this.#all.filter((batch) => !isOver(batch));
  }

  /** Writes a batch's sheet and submits it, until that succeeds; returns at once. */
  begin(plan: PlannedBatch): void {
    const batch: ChaosBatch = {
      plan,
      // The names of a plan are batch ids.
      batchId: plan.name as BatchId,
      startedMs: performance.now(),
      submitting: 0,
      failures: 0,
      status: 'NOT_STARTED',
      snapshot: undefined,
      endedMs: undefined,
    };
    this.#all.push(batch);
    const sheet = path.join(this.#engine.folder.path, `${plan.name}.csv`);
    this.#submit(batch, 'submit', () => writeFile(sheet, chaosSheet(this.#seed, plan)));
  }

  /** Retries a batch, or submits its sheet again, once its workflow has ended; returns at once. */
  continueBatch(batch: ChaosBatch, by: Way): void {
    this.#submit(batch, by, async () => {
      while (!this.#stopped.signal.aborted && batch.status === 'RUNNING') {
        await this.#rest(LOOK_EVERY_MS);
        await this.#look(batch);
      }
    });
  }

  /** Checks every batch again after Temporal has lost its last half minute: one that had ended may be running. */
  async checkAll(): Promise<void> {
    for (const batch of this.#all) await this.#look(batch);
  }

  /** Terminates batches that cannot continue, and continues them from the bucket, as `status` advises. */
  async freeStuck(): Promise<void> {
    const { taskQueue, stack } = this.#engine;
    const running = this.running.flatMap(({ snapshot }) => snapshot ?? []);
    const stuck = await stuckBatches({ client: stack.temporal.client, taskQueue }, running).catch(
      (error: unknown) => {
        this.#say(`whether batches are stuck is unknown: ${String(error)}`);
        return [];
      },
    );
    for (const { batchId, reason } of stuck) {
      this.#say(`${batchId} is stuck: ${reason}`);
      const batch = this.running.find((one) => one.batchId === batchId);
      if (batch) this.#submit(batch, 'retry-by-force', () => Promise.resolve());
    }
  }

  /** From now on a missing job is lost: batches held for such jobs are resumed, as a person would. */
  acceptLosses(): void {
    this.#jobsComeBack = false;
  }

  /** Stops running submissions and the checks. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.allSettled([...this.#submissions, this.#following]);
  }

  #submit(batch: ChaosBatch, by: Way, first: () => Promise<void>): void {
    batch.submitting += 1;
    const submission = first()
      .then(() => this.#continueUntilAccepted(batch, by))
      .catch((error: unknown) => this.#say(`${batch.batchId} could not be submitted: ${String(error)}`))
      .finally(() => {
        batch.submitting -= 1;
        this.#submissions.delete(submission);
      });
    this.#submissions.add(submission);
  }

  /** A `retry` that is refused because there is nothing to retry is followed by a submission. */
  async #continueUntilAccepted(batch: ChaosBatch, by: Way): Promise<void> {
    const { plan, batchId } = batch;
    const options = ['--yes', '--grace', '10s', '--concurrency', String(plan.concurrency)];
    const ways = {
      retry: ['retry', batchId, ...options],
      'retry-by-force': ['retry', batchId, '--force', ...options],
      submit: ['submit', `${batchId}.csv`, '--id', batchId, ...options],
    };
    for (let way: Way = by; !this.#stopped.signal.aborted; way = 'submit') {
      const { code, stderr } = await callCommand(this.#engine, ways[way]);
      this.#say(`${way} ${batchId}: exit code ${String(code)}: ${lastLine(stderr)}`);
      if (code === 0) break;
      await this.#rest(SUBMIT_AGAIN_MS);
    }
    // The last known state may be of the previous run.
    batch.status = 'NOT_STARTED';
  }

  async #follow(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      await Promise.all(this.unfinished.map((batch) => this.#look(batch)));
      await this.#rest(LOOK_EVERY_MS);
    }
  }

  async #look(batch: ChaosBatch): Promise<void> {
    const { temporal, s3 } = this.#engine.stack;
    const location = { bucket: s3.bucket, root: `${batch.batchId}/`, batchId: batch.batchId };
    const seen = await describeBatch(temporal.client, location).catch(() => 'Temporal is away' as const);
    // The last known state remains valid.
    if (seen === 'Temporal is away') return;
    if (!seen) {
      // A restored database does not know the batch.
      if (batch.submitting === 0) this.#submit(batch, 'submit', () => Promise.resolve());
      return;
    }
    batch.status = seen.status.name;
    batch.snapshot = snapshotInMemo(seen);
    batch.endedMs = batch.status === 'RUNNING' ? undefined : (batch.endedMs ?? performance.now());
    // As the failure's message advises: a shard terminated twice leaves rows that a retry finds again.
    const { holds = [], paused } = batch.snapshot ?? {};
    // A restored database may have lost the resume.
    if (!this.#jobsComeBack && (paused || holds.some(({ code }) => code === 'jobs-missing'))) {
      await this.#resume(batch);
    }
    const lost = batch.status === 'COMPLETED' && batch.snapshot?.tally.failuresByKind['shard-lost'];
    // A restored database may continue an older run than the bucket knows: that run fails, and advises to retry.
    const isOutdated = batch.status === 'FAILED' && batch.failures < MOST_FAILURES;
    // Or it has forgotten a submission after the end of an older run.
    const { run } = batch.snapshot ?? {};
    if (run && isOver(batch) && !isOutdated) {
      const newest = await lastRunSeq(s3.store, location).catch(() => 0);
      if (newest > run.runSeq && batch.submitting === 0) this.continueBatch(batch, 'submit');
    }
    if ((!lost && !isOutdated) || batch.submitting > 0) return;
    if (isOutdated) batch.failures += 1;
    this.continueBatch(batch, 'retry');
  }

  async #resume(batch: ChaosBatch): Promise<void> {
    if (this.#resuming.has(batch)) return;
    this.#resuming.add(batch);
    const { code, stderr } = await callCommand(this.#engine, ['resume', batch.batchId]);
    this.#say(`resume ${batch.batchId}: exit code ${String(code)}: ${lastLine(stderr)}`);
    this.#resuming.delete(batch);
  }

  async #rest(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }
}

function isOver({ submitting, status }: ChaosBatch): boolean {
  return submitting === 0 && status !== 'RUNNING' && status !== 'NOT_STARTED';
}

/** The last line that a command has printed. */
export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
