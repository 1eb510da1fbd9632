import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type {
  Activities,
  CreateGenerationInput,
  CreateGenerationResult,
} from '../../../src/workflows/protocol/activities.js';
import { SheetInputs } from '../../../src/sheet/fetch/sheet-inputs.js';
import { uploadInputs } from '../../../src/plan/upload-inputs.js';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { ServiceTexts } from '../../../src/ledger/service-texts.js';
import { inputImagesPrefix, sentPrefix, type BatchLocation } from '../../../src/storage/layout.js';
import { createS3ObjectStore } from '../../../src/storage/s3/s3-object-store.js';
import type { ObjectStore } from '../../../src/storage/object-store.js';
import { startActivityBench, type ActivityBench } from '../../support/batches/activity-bench.js';
import { eventually } from '../../support/eventually.js';
import { samplePng } from '../../support/images/sample-images.js';
import { startScriptedServer, type ScriptedServer } from '../../support/services/scripted-server.js';

const DAY_MS = 86_400_000;

const signedSheet = (signature: number) => [
  'prompt,input_images',
  `a bird,http://127.0.0.1:1/a.png?X-Amz-Signature=${signature}`,
];

describe('creates with uploaded input images', () => {
  let bench: ActivityBench;
  /** Reaches the same bucket by another host name, so that it signs other URLs. */
  let otherStore: ObjectStore;
  let others: Activities;
  /** Where input images are fetched by URL. */
  let host: ScriptedServer;
  beforeAll(async () => {
    host = await startScriptedServer();
    bench = await startActivityBench();
    const { endpoint, accessKeyId, secretAccessKey, region } = bench.s3;
    otherStore = createS3ObjectStore({
      endpoint: endpoint.replace('127.0.0.1', 'localhost'),
      region,
      credentials: { accessKeyId, secretAccessKey },
    });
    others = bench.activitiesWith({ store: otherStore });
  });
  beforeEach(() => bench.sandbox.configure({ balance: '1000', next: { 'create-upload-failed': 0 } }));
  afterAll(async () => {
    otherStore?.close();
    await host?.close();
    await bench?.stop();
  });

  let batches = 0;
  const ingested = async (cell: string) => {
    batches += 1;
    const { bucket, store } = bench.s3;
    const name = `inputs-${batches}`;
    const location: BatchLocation = { bucket, root: `tests/${name}/`, batchId: name as BatchId };
    await store.put({ bucket, key: 'photos/a.png' }, samplePng(20, 40, batches), {
      contentType: 'image/png',
    });
    const { signal } = new AbortController();
    const openSource = async () => store;
    const base = { kind: 'bucket', bucket, prefix: 'photos/' } as const;
    const inputs = new SheetInputs({ base, openStore: openSource, signal });
    await inputs.prepare(['a.png']);
    const put: number[] = [];
    const options = { openSource, onPut: (sizeBytes: number) => put.push(sizeBytes), signal };
    const inputListKey = await uploadInputs(store, location, inputs, options);
    await uploadInputs(store, location, inputs, options);
    expect(put).toHaveLength(1);
    const lines = ['prompt,aspect_ratio,input_images', `a bird,auto,${cell}`];
    const requestChanges = inputListKey === undefined ? {} : { inputListKey };
    const { run, result } = await bench.ingest(name, lines, 1, requestChanges);
    expect(result.rows).toBe(1);
    return { run, shard: 0, row: 0, generation: 1 };
  };
  type Input = Omit<CreateGenerationInput, 'idempotencyHorizonMs'>;
  const create = (input: Input, by = bench.activities) =>
    bench.attempt(() => by.createGeneration({ ...input, idempotencyHorizonMs: DAY_MS }));
  const probing = ({ run, ...candidate }: Input, by: Activities) =>
    by.probe({
      run,
      candidates: [candidate],
      cause: { scope: 'model:pro:image', code: 'paused', message: 'Paused.' },
      idempotencyHorizonMs: DAY_MS,
      heldSinceMs: Date.now(),
      firstLookAfterMs: 0,
    });
  const probe = (input: Input, by = bench.activities) => bench.attempt(() => probing(input, by));
  const unanswered = async (input: Input) => {
    bench.sandbox.configure({ next: { 'create-lost-answer': 1 } });
    const first = await bench.attemptTakenBack(() =>
      bench.activities.createGeneration({ ...input, idempotencyHorizonMs: DAY_MS }),
    );
    if (first.kind !== 'again' || first.unansweredSinceMs === undefined) throw new Error(first.kind);
    return { ...input, unansweredSinceMs: first.unansweredSinceMs };
  };
  /** A refusal as people see it. */
  const shown = async ({ run }: Input, result: CreateGenerationResult) => {
    if (result.kind !== 'invalid') throw new Error(`It ended as ${result.kind}.`);
    return (await new ServiceTexts(bench.s3.store).shown(run, result)).message;
  };
  const sentTexts = async ({ run }: Input) => {
    const texts: string[] = [];
    for await (const { key } of bench.s3.store.list(run.bucket, sentPrefix(run))) {
      texts.push(await bench.s3.store.readText({ bucket: run.bucket, key }));
    }
    return texts;
  };

  it('are repeated with the identical body, however much later', async () => {
    const before = bench.sandbox.stats();
    const row = await unanswered(await ingested('a.png'));
    const lostAtMs = Date.now();
    // Another second, and so another signature if one were made again.
    await eventually(() => Date.now() - lostAtMs > 1_100, { what: 'a second passes' });
    const created = await create(row);
    if (created.kind !== 'created') throw new Error(`It ended as ${created.kind}.`);
    expect(await probe(row)).toMatchObject({ jobId: created.jobId });
    // As for a row whose content has returned to an earlier one.
    const { unansweredSinceMs: _, ...anew } = row;
    expect(await create(anew)).toMatchObject({ jobId: created.jobId });
    const { jobsMade, replays, replayMismatches } = bench.sandbox.stats();
    expect({ jobsMade, replays, replayMismatches }).toEqual({
      jobsMade: before.jobsMade + 1,
      replays: before.replays + 3,
      replayMismatches: 0,
    });
    const [sent = ''] = await sentTexts(row);
    expect(sent).toContain('urlsSha256');
    expect(sent).not.toMatch(/http|X-Amz|Signature=/i);
  });

  it('are not repeated by a worker that cannot rebuild the body, with the reason', async () => {
    const row = await unanswered(await ingested('a.png'));
    const { creates } = bench.sandbox.stats();
    expect(await create(row, others)).toMatchObject({
      kind: 'unknown-charge',
      message: expect.stringMatching(/addresses .* have changed: .*give the row another id/),
    });
    expect(await probe(row, others)).toMatchObject({ unansweredSinceMs: expect.any(Number) });
    expect(bench.sandbox.stats().creates).toEqual(creates);
    expect(await create(row)).toMatchObject({ kind: 'created' });
    expect(bench.sandbox.stats().replayMismatches).toBe(0);
  });

  it('are not repeated if the sheet has a new signature of the same URL', async () => {
    const row = { shard: 0, row: 0, generation: 1, unansweredSinceMs: Date.now() };
    const first = { ...row, run: (await bench.ingest('signed-anew', signedSheet(1))).run };
    expect(await create(first)).toMatchObject({ kind: 'invalid' });
    const { creates } = bench.sandbox.stats();
    const second = { ...row, run: (await bench.ingest('signed-anew', signedSheet(2), 2)).run };
    expect(await create(second)).toMatchObject({ kind: 'unknown-charge' });
    expect(bench.sandbox.stats().creates).toEqual(creates);
    expect(await create({ ...row, run: first.run })).toMatchObject({ kind: 'invalid' });
  });

  it('are signed again after a definite refusal, and if nothing was ever sent', async () => {
    const refused = await ingested('a.png');
    bench.sandbox.configure({ balance: '0' });
    await expect(create(refused)).rejects.toThrow('Out of funds');
    await expect(probe(refused)).rejects.toThrow('Out of funds');
    bench.sandbox.configure({ balance: '1000' });
    expect(await sentTexts(refused)).toEqual([]);
    expect(await probe(refused, others)).toMatchObject({ jobId: expect.any(String) });
    const never = { ...(await ingested('a.png')), unansweredSinceMs: Date.now() };
    expect(await create(never, others)).toMatchObject({ kind: 'created' });
    expect(bench.sandbox.stats().replayMismatches).toBe(0);
  });

  it('are bought once by two simultaneous senders with different bodies', async () => {
    const row = await ingested('a.png');
    const { jobsMade } = bench.sandbox.stats();
    const overtaken = bench.activitiesWith({
      store: {
        ...bench.s3.store,
        // Another worker, or a probe, sends between this one's check of the record and its own record.
        presignGet: async (...presigned) => {
          expect(await create(row, others)).toMatchObject({ kind: 'created' });
          return bench.s3.store.presignGet(...presigned);
        },
      },
    });
    expect(await create(row, overtaken)).toMatchObject({ kind: 'unknown-charge' });
    expect(bench.sandbox.stats().jobsMade).toBe(jobsMade + 1);
  });

  it('stay recorded if a probe was cut off while sending, even if a later check is refused or the record is lost', async () => {
    const cell = `${host.origin}/a.png`;
    const { run } = await bench.ingest('cut-off', ['prompt,input_images', `a bird,${cell}`]);
    const row = { run, shard: 0, row: 0, generation: 1 };
    const environment = new MockActivityEnvironment();
    host.answerWith(() => environment.cancel());
    await expect(environment.run(() => probing(row, bench.activities))).rejects.toThrow(CancelledFailure);
    expect(await sentTexts(row)).toHaveLength(1);
    bench.sandbox.configure({ keyRevoked: true });
    await expect(probe(row)).rejects.toThrow('key is refused');
    bench.sandbox.configure({ keyRevoked: false });
    expect(await sentTexts(row)).toHaveLength(1);

    const { creates } = bench.sandbox.stats();
    for await (const { key } of bench.s3.store.list(run.bucket, sentPrefix(run))) {
      await bench.s3.store.put({ bucket: run.bucket, key }, Buffer.from(''), { contentType: 'text/plain' });
    }
    expect(await create(row)).toMatchObject({ kind: 'unknown-charge' });
    expect(bench.sandbox.stats().creates).toEqual(creates);
  });

  it('fail the row as retryable if the service cannot store its inputs for long', async () => {
    bench.sandbox.configure({ next: { 'create-upload-failed': 50 } });
    const row = await ingested('a.png');
    const result = await create({ ...row, budget: { spentMs: 699.999, tries: 3 } });
    expect(result).toMatchObject({
      kind: 'invalid',
      failure: 'flaky',
      message: 'BananaHub cannot store input images (502).',
    });
    expect(await shown(row, result)).toContain('(502): failed to upload inputs');
    expect(await create({ ...row, budget: { spentMs: 0, tries: 0 } })).toMatchObject({ kind: 'invalid' });
  });

  it('fail the row with advice if an input image cannot be fetched', async () => {
    const byUrl = await ingested('http://127.0.0.1:1/none.png?sig=secret');
    const result = await create(byUrl);
    expect(result).toMatchObject({ kind: 'invalid', message: 'BananaHub refused the request (422).' });
    const explained = await shown(byUrl, result);
    expect(explained).toMatch(/input image 1 of 1 could not be fetched.*without signing in/);
    expect(JSON.stringify([result, explained])).not.toContain('secret');
    const gone = await ingested('a.png');
    for await (const { key } of bench.s3.store.list(gone.run.bucket, inputImagesPrefix(gone.run))) {
      await bench.s3.store.delete({ bucket: gone.run.bucket, key });
    }
    expect(await shown(gone, await create(gone))).toMatch(/answered 404.*the bucket/);
  });

  it('are held if the service cannot reach the bucket', async () => {
    const cutOff = bench.activitiesWith({ inputsOutOfReach: 'It cannot reach the bucket.' });
    const row = await ingested('a.png');
    const { creates } = bench.sandbox.stats();
    const error: unknown = await create(row, cutOff).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApplicationFailure);
    expect(error).toMatchObject({ details: [{ cause: { scope: 'model:pro:image' } }] });
    await expect(probe(row, cutOff)).rejects.toThrow('It cannot reach the bucket.');
    expect(bench.sandbox.stats().creates).toEqual(creates);
  });
});
