import { createHash } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type {
  AwaitGenerationInput,
  CreateGenerationInput,
  ProbeInput,
} from '../../src/workflows/protocol/activities.js';
import { sealNotes } from '../../src/cli/watch/seal-notes.js';
import { statusFromBucket } from '../../src/status/bucket-status.js';
import type { BatchFaultDetails } from '../../src/domain/batch/holds.js';
import type { ContentHash, JobId, RowId } from '../../src/domain/rows/ids.js';
import { BatchFile, type RunRequest } from '../../src/ledger/documents.js';
import { ServiceTexts } from '../../src/ledger/service-texts.js';
import { fromStoredIdentity, toStoredIdentity } from '../../src/domain/images/stored-identity.js';
import { hashThumbnail } from '../../src/activities/worker/images/thumbnail.js';
import { thumbnailOf } from '../support/images/thumbnail-of.js';
import { workerWebhooks } from '../../src/bananahub/webhooks/worker-webhooks.js';
import type { WebhookConfig } from '../../src/bananahub/webhooks/webhook-config.js';
import { createDownloadAgent } from '../../src/bananahub/images/download-agent.js';
import { downloadImage } from '../../src/bananahub/images/image-download.js';
import { deflated, pngOf } from '../support/images/png-kinds.js';
import { jpegParts, samplePng } from '../support/images/sample-images.js';
import { startScriptedServer } from '../support/services/scripted-server.js';
import { readEvidence } from '../support/batches/batch-evidence.js';
import {
  startActivityBench,
  type ActivityBench,
  ACTIVITY_BENCH_LIMITS,
} from '../support/batches/activity-bench.js';
import {
  at,
  batchFileKey,
  batchRoot,
  contactSheetPrefix,
  nearDuplicatesKey,
  thumbnailKey,
  carriedKey,
  failuresKey,
  imagesPrefix,
  metadataKey,
  rejectsKey,
  reportKey,
  sentPrefix,
  type RunRef,
} from '../../src/storage/layout.js';

const DAY_MS = 86_400_000;

const faultOf = async (work: Promise<unknown>): Promise<BatchFaultDetails> => {
  const error: unknown = await work.then(
    () => new Error('It did not fail.'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApplicationFailure) || error.type !== 'BatchFault') throw error;
  expect(error.nonRetryable).toBe(true);
  return (error.details as [BatchFaultDetails])[0];
};

const dependencyOn = (webhooks?: WebhookConfig) => (webhooks ? { webhooks: workerWebhooks(webhooks) } : {});

describe('activities', () => {
  let bench: ActivityBench;
  beforeAll(async () => {
    bench = await startActivityBench();
  });
  beforeEach(() => {
    bench.sandbox.configure({
      outage: { api: 'none', images: 'none' },
      everything: 0,
      next: {},
      balance: '1000',
      pausedModels: [],
      keyRevoked: false,
      urlTtlMs: DAY_MS,
      jobTimeMs: { min: 20, max: 60 },
    });
  });
  afterAll(async () => {
    await bench?.stop();
  });

  let batches = 0;
  const oneRow = async (prompt = 'a yellow bird') => {
    batches += 1;
    const { run } = await bench.ingest(`batch-${batches}`, ['prompt', `${prompt} ${batches}`]);
    return { run, shard: 0, row: 0, generation: 1 };
  };
  const create = (input: Omit<CreateGenerationInput, 'idempotencyHorizonMs'>, horizonMs = DAY_MS) =>
    bench.attempt(() => bench.activities.createGeneration({ ...input, idempotencyHorizonMs: horizonMs }));
  const createTakenBack = (input: Parameters<typeof create>[0]) =>
    bench.attemptTakenBack(() =>
      bench.activities.createGeneration({ ...input, idempotencyHorizonMs: DAY_MS }),
    );
  const jobOf = async (input: Parameters<typeof create>[0]): Promise<JobId> => {
    const result = await create(input);
    if (result.kind !== 'created') throw new Error(`The create ended as ${result.kind}.`);
    return result.jobId;
  };
  const awaited = (
    input: Awaited<ReturnType<typeof oneRow>>,
    jobId: JobId,
    limits: Pick<AwaitGenerationInput, 'jobTimeoutMs' | 'unfinishedMs'> = {},
    heartbeatDetails?: unknown,
  ) =>
    bench.attempt(
      () => bench.activities.awaitGeneration({ ...input, jobId, ...limits }),
      // Polled at once, as for a job that was scheduled long ago.
      { scheduledTimestampMs: Date.now() - 60_000, heartbeatDetails },
    );
  const stored = (input: Awaited<ReturnType<typeof oneRow>>, jobId: JobId) =>
    bench.attempt(() => bench.activities.storeImage({ ...input, jobId }));
  const images = async (run: RunRef): Promise<string[]> => {
    const keys: string[] = [];
    for await (const { key } of bench.s3.store.list(run.bucket, imagesPrefix(run))) keys.push(key);
    return keys;
  };

  const doneJob = async (prompt?: string) => {
    const row = await oneRow(prompt);
    const jobId = await jobOf(row);
    expect(await awaited(row, jobId)).toEqual({ kind: 'done' });
    return { row, jobId };
  };

  /** Makes the second generation of the row and stores its image; nothing is recorded. */
  const remade = async (run: RunRef) => {
    const row = { run, shard: 0, row: 0, generation: 2 };
    const jobId = await jobOf(row);
    await awaited(row, jobId);
    expect(await stored(row, jobId)).toMatchObject({ kind: 'stored', adopted: false });
    return jobId;
  };

  const occupied = async (runSeq: number) => {
    const { row, jobId } = await doneJob();
    const result = await stored(row, jobId);
    if (result.kind !== 'stored') throw new Error(`It ended as ${result.kind}.`);
    const [key = ''] = await images(row.run);
    const other = {
      contentHash: 'f'.repeat(64) as ContentHash,
      runSeq,
      generation: 1,
      jobId: 'another-job' as JobId,
      image: result.image,
    };
    await bench.s3.store.put(at(row.run, key), Buffer.from('another image'), {
      contentType: 'image/png',
      metadata: toStoredIdentity(other),
    });
    return { row, jobId, ref: at(row.run, key) };
  };

  describe('createGeneration', () => {
    it.each(['create-lost-answer', 'create-lost-to-504'] as const)(
      'finds the job of a lost answer (%s)',
      async (misbehaviour) => {
        const row = await oneRow();
        const before = bench.sandbox.stats().jobsMade;
        bench.sandbox.configure({ next: { [misbehaviour]: 1 } });
        expect(await create(row)).toMatchObject({ kind: 'created' });
        expect(bench.sandbox.stats().jobsMade).toBe(before + 1);
      },
    );

    it('reports, when withdrawn, since when a create may have been answered', async () => {
      const row = await oneRow();
      const before = bench.sandbox.stats().jobsMade;
      bench.sandbox.configure({ next: { 'create-lost-answer': 1 } });
      const sentAtMs = Date.now();
      const first = await createTakenBack(row);
      if (first.kind !== 'again') throw new Error(`It ended as ${first.kind}.`);
      expect(first.unansweredSinceMs).toBeGreaterThanOrEqual(sentAtMs);
      expect(await create({ ...row, ...first })).toMatchObject({ kind: 'created' });
      expect(bench.sandbox.stats().jobsMade).toBe(before + 1);
    });

    it('repeats an unanswered create with the same webhook URL, or not at all', async () => {
      const row = await oneRow();
      const [, batchName = ''] = /([^/]+)\/$/.exec(row.run.root) ?? [];
      const [secret, nextSecret] = ['0123456789abcdef'.repeat(2), 'fedcba9876543210'.repeat(2)];
      const url = 'http://127.0.0.1:9/hooks';
      const createWith = (webhooks: WebhookConfig | undefined, input: Parameters<typeof create>[0]) =>
        bench.attempt(() =>
          bench
            .activitiesWith(dependencyOn(webhooks))
            .createGeneration({ ...input, idempotencyHorizonMs: DAY_MS }),
        );
      bench.sandbox.configure({ next: { 'create-lost-answer': 1 } });
      const first = await bench.attemptTakenBack(() =>
        bench
          .activitiesWith(dependencyOn({ url, secrets: [secret] }))
          .createGeneration({ ...row, idempotencyHorizonMs: DAY_MS }),
      );
      if (first.kind !== 'again') throw new Error(`It ended as ${first.kind}.`);
      const { unansweredSinceMs = 0 } = first;
      const { creates, jobsMade } = bench.sandbox.stats();
      const others = [
        undefined,
        { url, secrets: [nextSecret] },
        { url: `${url}/v2`, secrets: [secret] },
      ] as const;
      for (const other of others) {
        expect(await createWith(other, { ...row, unansweredSinceMs })).toMatchObject({
          kind: 'unknown-charge',
          message: expect.stringContaining('webhook'),
        });
      }
      expect(bench.sandbox.stats().creates).toEqual(creates);

      const prompt = `a yellow bird ${batches}`;
      const { run } = await bench.ingest(batchName, ['prompt', 'one before it', prompt], 2);
      const replaced = { url, secrets: [nextSecret, secret] } as const;
      const again = await createWith(replaced, { ...row, run, row: 1, unansweredSinceMs });
      expect(again).toMatchObject({ kind: 'created', jobId: expect.any(String) });
      expect(again).not.toHaveProperty('webhookExpected');
      expect(bench.sandbox.stats()).toMatchObject({ jobsMade, replayMismatches: 0 });
      const another = await createWith(replaced, { ...row, run, row: 0 });
      expect(another).toMatchObject({ kind: 'created', webhookExpected: true });
      for await (const { key } of bench.s3.store.list(run.bucket, sentPrefix(run)))
        expect(await bench.s3.store.readText(at(run, key))).not.toMatch(/http|\/v1\//);
    });

    it('sends nothing after the idempotency horizon of an unanswered create', async () => {
      const row = await oneRow();
      const { creates } = bench.sandbox.stats();
      const result = await create({ ...row, unansweredSinceMs: Date.now() - 2_000 }, 1_000);
      expect(result).toMatchObject({ kind: 'unknown-charge' });
      expect(bench.sandbox.stats().creates).toEqual(creates);
    });

    it('does not count a create as unanswered that was rate-limited or never connected', async () => {
      const row = await oneRow();
      bench.sandbox.configure({ next: { 'create-429-seconds': 1 } });
      const result = await createTakenBack(row);
      expect(result).toMatchObject({ kind: 'again' });
      expect(result).not.toHaveProperty('unansweredSinceMs');
    });

    it('fails a row with code and status, and keeps the service’s text in the bucket only', async () => {
      const row = await oneRow('[[invalid]] a long prompt that must not be repeated');
      const result = await create(row);
      if (result.kind !== 'invalid') throw new Error(`It ended as ${result.kind}.`);
      const { message, textId } = result;
      expect(message).toBe('BananaHub refused the request (422).');
      const text = await new ServiceTexts(bench.s3.store).text(row.run, textId ?? '');
      expect(text).toContain('Prompt is invalid');
      // The same again is the same text.
      expect(await create(row)).toEqual(result);
    });

    it.each([
      [{ balance: '0' }, 0, 'account', 'insufficient-balance'],
      [{ keyRevoked: true }, 0, 'account', 'unauthorized'],
      [{ pausedModels: ['pro' as const] }, 2, 'model:pro:text', 'paused'],
    ])('holds the right scope: %j', async (patch, tries, scope, code) => {
      const row = await oneRow();
      bench.sandbox.configure(patch);
      const fault = await faultOf(create({ ...row, budget: { spentMs: 0, tries } }));
      expect(fault).toMatchObject({ cause: { scope, code } });
      expect(fault).not.toHaveProperty('unansweredSinceMs');
    });

    it('tolerates a single 503, which may come from one overloaded node', async () => {
      const row = await oneRow();
      bench.sandbox.configure({ next: { 'create-paused': 1 } });
      expect(await create(row)).toMatchObject({ kind: 'created' });
    });

    it('holds the service when its retries are used up, and keeps when it was first unanswered', async () => {
      const row = await oneRow();
      bench.sandbox.configure({ outage: { api: 'html502' } });
      const budget = { spentMs: 699.999, tries: 3 };
      const fault = await faultOf(create({ ...row, budget, unansweredSinceMs: Date.now() - 500 }));
      expect(fault.cause.scope).toBe('service');
      expect(Date.now() - (fault.unansweredSinceMs ?? 0)).toBeGreaterThanOrEqual(500);
    });
  });

  describe('awaitGeneration', () => {
    it('returns the end of a job as a value', async () => {
      const done = await oneRow();
      expect(await awaited(done, await jobOf(done))).toEqual({ kind: 'done' });
      const refused = await oneRow('[[refuse]]');
      expect(await awaited(refused, await jobOf(refused))).toMatchObject({
        kind: 'failed',
        failure: 'refused',
      });
    });

    it('tolerates unknown statuses and pause notices', async () => {
      bench.sandbox.configure({
        jobTimeMs: { min: 2_500, max: 2_500 },
        rates: { 'poll-unknown-status': 0.5, 'poll-pause-notice': 0.5 },
      });
      const row = await oneRow();
      expect(await awaited(row, await jobOf(row))).toEqual({ kind: 'done' });
    });

    it('reports a job as missing after three 404s, including earlier ones', async () => {
      const row = await oneRow('[[lost]]');
      const jobId = await jobOf(row);
      const before = bench.sandbox.stats().polls['404'] ?? 0;
      const missing = { looks: 3, sinceMs: expect.any(Number) };
      expect(await awaited(row, jobId)).toMatchObject({ kind: 'missing', missing });
      expect(bench.sandbox.stats().polls['404']).toBe(before + 3);
      const left = { unfinishedMs: 0, missing: { looks: 2, sinceMs: 1_000 } };
      expect(await awaited(row, jobId, {}, left)).toMatchObject({ missing: { looks: 3, sinceMs: 1_000 } });
      expect(bench.sandbox.stats().polls['404']).toBe(before + 4);
    });

    it('gives up a job that the service itself shows as unfinished for too long', async () => {
      const row = await oneRow('[[stuck]]');
      const ended = await awaited(row, await jobOf(row), { jobTimeoutMs: 1_000 });
      expect(ended).toMatchObject({ kind: 'unfinished', message: expect.stringContaining('within 1 s') });
    });

    it('does not count time without answers towards the job timeout', async () => {
      bench.sandbox.configure({ jobTimeMs: { min: 1_500, max: 1_500 } });
      const row = await oneRow();
      // By the clock it was scheduled a minute ago.
      expect(await awaited(row, await jobOf(row), { jobTimeoutMs: 10_000 })).toEqual({ kind: 'done' });
    });

    it('remembers across attempts and holds how long a job was shown as unfinished', async () => {
      const row = await oneRow('[[stuck]]');
      const jobId = await jobOf(row);
      const limits = { jobTimeoutMs: 60_000 };
      bench.sandbox.configure({ outage: { api: 'html502' } });
      expect(await faultOf(awaited(row, jobId, { ...limits, unfinishedMs: 59_999 }))).toMatchObject({
        cause: { scope: 'service' },
        unfinishedMs: 59_999,
      });
      bench.sandbox.configure({ outage: { api: 'none' } });
      const unfinished = { kind: 'unfinished' };
      expect(await awaited(row, jobId, { ...limits, unfinishedMs: 59_999 })).toMatchObject(unfinished);
      const left = { unfinishedMs: 59_999 };
      expect(await awaited(row, jobId, { ...limits, unfinishedMs: 1 }, left)).toMatchObject(unfinished);
    });

    it('stores the image too once copies are quick, and leaves it to storeImage if that fails', async () => {
      const { awaitGeneration, storeImage } = bench.activitiesWith({
        limits: { ...ACTIVITY_BENCH_LIMITS, quickCopyMs: 5_000 },
      });
      const ended = async (prompt?: string) => {
        const row = await oneRow(prompt);
        const jobId = await jobOf(row);
        const input = { ...row, jobId, thumbnails: false };
        const scheduled = { scheduledTimestampMs: Date.now() - 60_000 };
        const end = await bench.attempt(() => awaitGeneration(input), scheduled);
        return { row, end, store: () => bench.attempt(() => storeImage(input)) };
      };
      for (let copies = 0; copies < 8; copies++) {
        const { end, store } = await ended();
        expect(end).toEqual({ kind: 'done' });
        await store();
      }
      const quick = await ended();
      if (quick.end.kind !== 'done' || !quick.end.stored) throw new Error('It was not stored.');
      expect(quick.end.stored.image).not.toHaveProperty('thumbnail');
      expect(await images(quick.row.run)).toHaveLength(1);
      expect(await quick.store()).toEqual(quick.end.stored);

      bench.sandbox.configure({ next: { 'image-truncated': 1 } });
      const failed = await ended();
      expect(failed.end).toEqual({ kind: 'done' });
      expect(await images(failed.row.run)).toEqual([]);
      expect(await failed.store()).toMatchObject({ kind: 'stored' });
    });

    it('holds the account when the key is refused, and does not fail the row', async () => {
      const row = await oneRow();
      const jobId = await jobOf(row);
      bench.sandbox.configure({ keyRevoked: true });
      expect(await faultOf(awaited(row, jobId))).toMatchObject({ cause: { scope: 'account' } });
    });
  });

  describe('storeImage', () => {
    it('stores the image with its identity, and recognizes it when called again', async () => {
      const { row, jobId } = await doneJob();
      const first = await stored(row, jobId);
      expect(first).toMatchObject({ kind: 'stored', adopted: false });
      expect(await stored(row, jobId)).toEqual(first);
      const [key = ''] = await images(row.run);
      const head = await bench.s3.store.head(at(row.run, key));
      expect(fromStoredIdentity(head?.metadata ?? {})).toMatchObject({ jobId, runSeq: 1, generation: 1 });
    });

    it('stores a thumbnail and a perceptual hash only if requested', async () => {
      const { row, jobId } = await doneJob();
      const requestChanges = { nearDuplicates: true, thumbnails: false };
      const store = (wanted: typeof requestChanges | { readonly nearDuplicates?: boolean }) =>
        bench.attempt(() => bench.activities.storeImage({ ...row, jobId, ...wanted }));
      const bare = await store(requestChanges);
      if (bare.kind !== 'stored') throw new Error(`It ended as ${bare.kind}.`);
      const { sha256, perceptualHash } = bare.image;
      expect(perceptualHash).toMatch(/^[0-9a-f]{16}$/);
      expect(bare.image).not.toHaveProperty('thumbnail');
      const thumbnail = at(row.run, thumbnailKey(row.run, sha256));
      expect(await bench.s3.store.head(thumbnail)).toBeUndefined();

      const [key = ''] = await images(row.run);
      await bench.s3.store.delete(at(row.run, key));
      const usual = await store({});
      expect(usual).toMatchObject({ image: { sha256, thumbnail: true } });
      expect(usual).not.toHaveProperty('image.perceptualHash');
      expect(await bench.s3.store.head(thumbnail)).toMatchObject({ contentType: 'image/webp' });
      // A row that uses the existing image gets its thumbnail and hash, too.
      expect(await store(requestChanges)).toEqual(usual);
    });

    it('uses an image of the same content that another job made', async () => {
      const { row, jobId } = await doneJob();
      await stored(row, jobId);
      const second = { ...row, generation: 2 };
      const otherJob = await jobOf(second);
      expect(otherJob).not.toBe(jobId);
      expect(await awaited(second, otherJob)).toEqual({ kind: 'done' });
      expect(await stored(second, otherJob)).toMatchObject({ kind: 'stored', adopted: true });
      const [key = ''] = await images(row.run);
      const head = await bench.s3.store.head(at(row.run, key));
      expect(fromStoredIdentity(head?.metadata ?? {})).toMatchObject({ jobId });
    });

    it('replaces an image of other content that an earlier run left', async () => {
      const { row, jobId, ref } = await occupied(1);
      expect(await stored(row, jobId)).toMatchObject({ kind: 'stored', adopted: false });
      expect(fromStoredIdentity((await bench.s3.store.head(ref))?.metadata ?? {})).toMatchObject({ jobId });
    });

    it('never overwrites what a newer run has stored', async () => {
      const { row, jobId, ref } = await occupied(2);
      expect(await stored(row, jobId)).toEqual({ kind: 'superseded' });
      expect(await bench.s3.store.readText(ref)).toBe('another image');
    });

    it.each(['image-expired', 'image-truncated', 'image-cut', 'image-wrong-body'] as const)(
      'requests a fresh URL and stores only a complete image: %s',
      async (misbehaviour) => {
        const { row, jobId } = await doneJob();
        bench.sandbox.configure({ next: { [misbehaviour]: 1 } });
        expect(await stored(row, jobId)).toMatchObject({ kind: 'stored' });
        const [key = ''] = await images(row.run);
        const body = await bench.s3.store.read(at(row.run, key));
        const chunks: Buffer[] = [];
        for await (const chunk of body) chunks.push(Buffer.from(chunk as Uint8Array));
        expect(Buffer.concat(chunks).subarray(-8, -4).toString('latin1')).toBe('IEND');
      },
    );

    it('uses the URL of the last poll once, and requests another if it is refused', async () => {
      const polls = (): number => bench.sandbox.stats().polls['200'] ?? 0;
      const used = await doneJob();
      const before = polls();
      expect(await stored(used.row, used.jobId)).toMatchObject({ kind: 'stored' });
      expect(polls()).toBe(before);
      expect(await stored(used.row, used.jobId)).toMatchObject({ kind: 'stored' });
      expect(polls()).toBe(before + 1);

      bench.sandbox.configure({ urlTtlMs: 0 });
      const expired = await doneJob();
      bench.sandbox.configure({ urlTtlMs: DAY_MS });
      const expiredBefore = polls();
      expect(await stored(expired.row, expired.jobId)).toMatchObject({ kind: 'stored' });
      expect(polls()).toBe(expiredBefore + 1);
    });

    it('requests the URL of a job that another worker has polled', async () => {
      const { row, jobId } = await doneJob();
      const before = bench.sandbox.stats().polls['200'] ?? 0;
      const { storeImage } = bench.activitiesWith({});
      expect(await bench.attempt(() => storeImage({ ...row, jobId }))).toMatchObject({ kind: 'stored' });
      expect(bench.sandbox.stats().polls['200']).toBe(before + 1);
    });

    it('gives up an image that stays unavailable, and stores nothing', async () => {
      const { row, jobId } = await doneJob('[[no-image]]');
      expect(await stored(row, jobId)).toMatchObject({ kind: 'result-gone' });
      expect(await images(row.run)).toEqual([]);
    });

    it('downloads an image with damaged pixels again, then gives up; buys none', async () => {
      const host = await startScriptedServer();
      const agent = createDownloadAgent({ allowPrivateAddresses: true });
      try {
        const kind = { width: 64, height: 64, color: 6, depth: 8, interlaced: false };
        const damaged: Readonly<Record<string, Buffer>> = {
          empty: pngOf({ ...kind, data: Buffer.alloc(0) }),
          garbage: pngOf({ ...kind, data: Buffer.alloc(900, 7) }),
          short: pngOf({ ...kind, change: (raw) => raw.subarray(0, -300) }),
          'without-checksum': pngOf({ ...kind, data: deflated(kind).subarray(0, -4) }),
          scanless: Buffer.concat([jpegParts(64, 64).header, jpegParts(64, 64).scan, jpegParts(64, 64).end]),
        };
        host.answerWith(({ path }, response) => response.end(damaged[path.slice(1)]));
        const rows = await Promise.all(
          Object.keys(damaged).map(async (name) => ({ name, ...(await doneJob(`a ${name} picture`)) })),
        );
        const made = bench.sandbox.stats().jobsMade;
        await Promise.all(
          rows.map(async ({ name, row, jobId }) => {
            const { storeImage } = bench.activitiesWith({
              downloadImage: (_url, signal) => downloadImage(`${host.origin}/${name}`, { agent, signal }),
            });
            const ended = await bench.attempt(() => storeImage({ ...row, jobId }));
            expect({ name, ...ended }).toMatchObject({
              name,
              kind: 'result-gone',
              message: expect.stringContaining('incomplete or unusable image'),
            });
            expect(await images(row.run)).toEqual([]);
          }),
        );
        const requested = rows.map(({ name }) => host.seen.filter(({ path }) => path === `/${name}`).length);
        expect(Math.min(...requested)).toBeGreaterThan(1);
        expect(bench.sandbox.stats().jobsMade).toBe(made);
      } finally {
        await agent.destroy();
        await host.close();
      }
    });

    it('holds the service when the image host is down, without failing the row', async () => {
      const { row, jobId } = await doneJob();
      bench.sandbox.configure({ outage: { images: 'down503' } });
      expect(await faultOf(stored(row, jobId))).toMatchObject({
        cause: { scope: 'service', code: 'image-host' },
      });
    });
  });

  describe('probe', () => {
    const cause = { scope: 'account', code: 'insufficient-balance', message: 'Out of funds.' } as const;
    const probe = (
      {
        candidate,
        ...input
      }: Partial<ProbeInput> & {
        readonly run: RunRef;
        readonly candidate?: ProbeInput['candidates'][number];
      },
      heartbeatDetails?: unknown,
    ) => {
      const heartbeats: unknown[] = [];
      const candidates = candidate ? [candidate] : [];
      const requestChanges = {
        cause,
        candidates,
        idempotencyHorizonMs: DAY_MS,
        heldSinceMs: Date.now(),
        firstLookAfterMs: 0,
        ...input,
      };
      const looked = bench.attempt(
        () => bench.activities.probe(requestChanges),
        { attempt: 2, ...(heartbeatDetails !== undefined && { heartbeatDetails }) },
        heartbeats,
      );
      return { looked, heartbeats };
    };

    it('keeps the account held while the balance is too low, and buys only after it has grown', async () => {
      const candidate = await oneRow();
      bench.sandbox.configure({ balance: '0' });
      const first = probe({ run: candidate.run, candidate });
      await expect(first.looked).rejects.toThrow('Out of funds');
      const { creates } = bench.sandbox.stats();
      await expect(probe({ run: candidate.run, candidate }, first.heartbeats.at(-1)).looked).rejects.toThrow(
        'Out of funds',
      );
      expect(bench.sandbox.stats().creates).toEqual(creates);
      // The balance has grown, but a create costs more.
      bench.sandbox.configure({ balance: '0.01' });
      await expect(probe({ run: candidate.run, candidate }, first.heartbeats.at(-1)).looked).rejects.toThrow(
        'Out of funds',
      );
      expect(bench.sandbox.stats().creates['402']).toBe((creates['402'] ?? 0) + 1);
      bench.sandbox.configure({ balance: '5' });
      const { looked } = probe({ run: candidate.run, candidate }, first.heartbeats.at(-1));
      expect(await looked).toMatchObject({ jobId: expect.any(String) });
    });

    it('buys the generation that the row itself would have bought', async () => {
      const candidate = await oneRow();
      const { jobId } = await probe({ run: candidate.run, candidate }).looked;
      expect(await jobOf(candidate)).toBe(jobId);
    });

    it('never counts the refusal of a paused model as a lost answer', async () => {
      const candidate = await oneRow();
      bench.sandbox.configure({ pausedModels: ['pro'] });
      const paused = { scope: 'model:pro:text', code: 'paused', message: 'Paused.' } as const;
      const { looked, heartbeats } = probe({ run: candidate.run, candidate, cause: paused });
      await expect(looked).rejects.toThrow('paused pro:text');
      expect(JSON.stringify(heartbeats)).not.toContain('unansweredSinceMs');
    });

    it('reports a create that may have been answered to its row, and sends none past the horizon', async () => {
      const candidate = await oneRow();
      const service = { scope: 'service', code: 'unavailable', message: 'Down.' } as const;
      bench.sandbox.configure({ next: { 'create-lost-answer': 1 } });
      const lost = probe({ run: candidate.run, candidate, cause: service });
      await expect(lost.looked).rejects.toMatchObject({
        message: expect.stringContaining('is failing ('),
        nonRetryable: true,
        details: [{ unansweredSinceMs: expect.any(Number) }],
      });
      const { creates } = bench.sandbox.stats();
      const doubtful = { ...candidate, unansweredSinceMs: Date.now() - 2_000 };
      const late = probe({
        run: candidate.run,
        candidate: doubtful,
        cause: service,
        idempotencyHorizonMs: 1_000,
      });
      expect(await late.looked).toMatchObject({ unansweredSinceMs: expect.any(Number) });
      expect(bench.sandbox.stats().creates).toEqual(creates);
    });

    it('releases a working account although the only job cannot be polled', async () => {
      const candidate = await oneRow('a fox [[poll-524]]');
      const jobId = await jobOf(candidate);
      const refused = { scope: 'account', code: 'unauthorized', message: 'Refused.' } as const;
      const look = () => probe({ run: candidate.run, candidate: { ...candidate, jobId }, cause: refused });
      expect(await look().looked).toEqual({ by: 0 });
      bench.sandbox.configure({ keyRevoked: true });
      await expect(look().looked).rejects.toThrow('refused');
    });

    it('releases a working account although the only row’s create fails', async () => {
      const candidate = await oneRow('a fox [[create-502]]');
      const refused = { scope: 'account', code: 'unauthorized', message: 'Refused.' } as const;
      const expected = { by: 0, unansweredSinceMs: expect.any(Number) };
      expect(await probe({ run: candidate.run, candidate, cause: refused }).looked).toEqual(expected);
      const doubtful = { ...candidate, unansweredSinceMs: Date.now() - 2_000 };
      const again = probe({ run: candidate.run, candidate: doubtful, cause: refused });
      expect(await again.looked).toEqual({ by: 0, unansweredSinceMs: doubtful.unansweredSinceMs });
      bench.sandbox.configure({ keyRevoked: true });
      const still = probe({ run: candidate.run, candidate, cause: refused });
      await expect(still.looked).rejects.toThrow('refused');
    });

    it('waits before its first check if requested', async () => {
      const candidate = await oneRow();
      const first = probe({ run: candidate.run, candidate, firstLookAfterMs: 9_000 });
      await expect(first.looked).rejects.toMatchObject({ nextRetryDelay: 9_000 });
      const next = probe({ run: candidate.run, candidate, firstLookAfterMs: 9_000 }, first.heartbeats.at(-1));
      expect(await next.looked).toMatchObject({ jobId: expect.any(String) });
    });

    it('writes to the bucket to see whether it accepts writes, and leaves nothing there', async () => {
      const { run } = await oneRow();
      const storage = { scope: 'storage', code: 'denied', message: 'Denied.' } as const;
      expect(await probe({ run, cause: storage }).looked).toEqual({});
      const missing = { ...run, bucket: 'no-such-bucket' };
      await expect(probe({ run: missing, cause: storage }).looked).rejects.toThrow('no-such-bucket');
    });
  });

  describe('a batch of another account', () => {
    it('buys and stores nothing', async () => {
      const row = await oneRow();
      const ref = at(row.run, batchFileKey(row.run));
      const file = { ...JSON.parse(await bench.s3.store.readText(ref)), account: 'https://elsewhere.test#0' };
      await bench.s3.store.put(ref, Buffer.from(JSON.stringify(file)), { contentType: 'application/json' });
      const { creates } = bench.sandbox.stats();
      expect(await faultOf(create(row))).toMatchObject({
        cause: { scope: 'account', code: 'wrong-account' },
      });
      expect(bench.sandbox.stats().creates).toEqual(creates);
    });
  });

  describe('a run from sheet to seal', () => {
    const generation = { generation: 1, end: 'failed', charged: 'unknown' } as const;
    const seal = (run: RunRef, shardCount: number, end: 'completed' | 'cancelled' = 'completed') =>
      bench.attempt(() =>
        bench.activities.seal({
          run,
          shardCount,
          openedShards: end === 'cancelled' ? 0 : shardCount,
          end,
          tally: { ...EMPTY },
          startedAt: new Date().toISOString(),
        }),
      );
    const EMPTY = {
      total: 0,
      pending: 0,
      inFlight: 0,
      copying: 0,
      stored: 0,
      failed: 0,
      rejected: 0,
      cancelled: 0,
      failuresByKind: {},
      generations: 0,
    };
    const sheet = ['id,prompt', 'a,one bird', 'b,two birds', 'c,three birds', ',,'];

    it('starts rows where earlier runs left them, skipping runs that did nothing for them', async () => {
      const first = await bench.ingest('runs', sheet);
      expect(first.result).toMatchObject({ rows: 3, shardCount: 1 });
      const { run } = first;
      const failure = { kind: 'failed', failure: 'flaky', message: '' } as const;
      const settledAtMs = Date.now();
      await bench.attempt(() =>
        bench.activities.recordOutcomes({
          run,
          shard: 0,
          part: 0,
          settled: [{ row: 0, end: failure, generations: [generation], settledAtMs }],
        }),
      );
      const openedAtMs = settledAtMs - 50_000;
      const lost = await bench.attempt(() => bench.activities.recordLostShard({ run, shard: 0, openedAtMs }));
      expect(lost).toMatchObject({ total: 3, failed: 3, failuresByKind: { flaky: 1, 'shard-lost': 2 } });
      expect(await seal(run, 1)).toMatchObject({ total: 3, failed: 3 });

      const known = [
        { row: 0, generation: 2 },
        { row: 1, generation: 1, unansweredSinceMs: openedAtMs, openedSinceMs: openedAtMs },
        { row: 2, generation: 1, unansweredSinceMs: openedAtMs, openedSinceMs: openedAtMs },
      ];
      for (const runSeq of [2, 3]) {
        const next = await bench.ingest('runs', sheet, runSeq);
        const overview = await bench.attempt(() =>
          bench.activities.openShard({ run: next.run, shard: 0, openedBy: 'first' }),
        );
        expect(overview.known).toEqual(known);
        // Cancelled before anything was done for any row.
        expect(await seal(next.run, 1, 'cancelled')).toMatchObject({ total: 3, cancelled: 3 });
        const { outcomes } = await readEvidence(bench.s3.store, next.run);
        expect(outcomes[0]?.generations).toEqual([generation]);
      }
    });

    it('waits for the known job of a lost shard instead of buying again', async () => {
      const { run } = await bench.ingest('known-job', sheet);
      const jobId = 'paid-job' as JobId;
      const open = { generation: 1, jobId, end: 'open', charged: 'unknown' } as const;
      await bench.attempt(() =>
        bench.activities.recordOutcomes({
          run,
          shard: 0,
          part: 0,
          settled: [{ row: 0, end: { kind: 'cancelled' }, generations: [open], settledAtMs: 1 }],
        }),
      );
      await seal(run, 1, 'cancelled');
      const second = await bench.ingest('known-job', sheet, 2);
      const openedAtMs = Date.now();
      await bench.attempt(() => bench.activities.recordLostShard({ run: second.run, shard: 0, openedAtMs }));
      await seal(second.run, 1);
      const third = await bench.ingest('known-job', sheet, 3);
      const overview = await bench.attempt(() =>
        bench.activities.openShard({ run: third.run, shard: 0, openedBy: 'first' }),
      );
      expect(overview.known[0]).toEqual({ row: 0, generation: 1, jobId, openedSinceMs: openedAtMs });
    });

    it('counts images as stored that a lost shard had stored without recording', async () => {
      const { run } = await bench.ingest('lost-stored', ['id,prompt', 'a,a lost bird', 'b,another one']);
      const row = { run, shard: 0, row: 0, generation: 1 };
      const jobId = await jobOf(row);
      await awaited(row, jobId);
      await stored(row, jobId);
      const openedAtMs = Date.now();
      const lost = await bench.attempt(() => bench.activities.recordLostShard({ run, shard: 0, openedAtMs }));
      expect(lost).toMatchObject({ total: 2, stored: 1, failuresByKind: { 'shard-lost': 1 } });
      expect(await seal(run, 1)).toMatchObject({ total: 2, stored: 1, failed: 1 });
      const { outcomes } = await readEvidence(bench.s3.store, run);
      expect(outcomes[0]).toMatchObject({
        end: { kind: 'stored', adopted: true },
        generations: [{ generation: 1, jobId, end: 'done', charged: 'yes' }],
      });
    });

    it('finds an unrecorded image in the bucket, and records it as stored', async () => {
      const { run } = await bench.ingest('found', ['id,prompt', 'a,a found bird']);
      const row = { run, shard: 0, row: 0, generation: 1 };
      const jobId = await jobOf(row);
      await awaited(row, jobId);
      await stored(row, jobId);
      const second = await bench.ingest('found', ['id,prompt', 'a,a found bird', 'b,a new bird'], 2);
      expect(second.result).toMatchObject({ rows: 1, settled: { stored: 1 } });
      expect(await seal(second.run, 1, 'cancelled')).toMatchObject({ total: 2, stored: 1, cancelled: 1 });
      const evidence = await readEvidence(bench.s3.store, second.run);
      expect(evidence.report.charged).toEqual({ yes: 1, no: 0, unknown: 0 });
      expect(evidence.metadata).toHaveLength(1);
    });

    /** A batch of one row `a` whose first generation is stored, recorded and finished. */
    const storedBatch = async (name: string) => {
      const { run } = await bench.ingest(name, ['id,prompt', 'a,a bird to redo']);
      const row = { run, shard: 0, row: 0, generation: 1 };
      const jobId = await jobOf(row);
      await awaited(row, jobId);
      const end = await stored(row, jobId);
      if (end.kind !== 'stored') throw new Error(`It ended as ${end.kind}.`);
      const made = { generation: 1, jobId, end: 'done', charged: 'yes' } as const;
      const settled = [{ row: 0, end, generations: [made], settledAtMs: 1 }];
      await bench.attempt(() => bench.activities.recordOutcomes({ run, shard: 0, part: 0, settled }));
      await seal(run, 1);
      return { jobId, image: end.image };
    };
    const REDO: Partial<RunRequest> = { action: 'redo', redo: ['a' as RowId] };
    it('uses the new image of a redo that was terminated before recording it', async () => {
      const { jobId } = await storedBatch('redone');
      const second = await bench.ingest('redone', [], 2, REDO);
      expect(second.result).toMatchObject({ rows: 1 });
      const overview = await bench.attempt(() =>
        bench.activities.openShard({ run: second.run, shard: 0, openedBy: 'first' }),
      );
      expect(overview.known).toEqual([{ row: 0, generation: 2, hasImage: true }]);
      // Terminated before anything was done: the old image must not count as the new one.
      const third = await bench.ingest('redone', [], 3, { action: 'retry' });
      expect(third.result).toMatchObject({ rows: 1 });
      const newJob = await remade(third.run);
      expect(newJob).not.toBe(jobId);
      // Whatever kinds the next run names, the existing image is reported.
      const fourth = await bench.ingest('redone', [], 4, { action: 'retry', kinds: ['flaky'] });
      expect(fourth.result).toMatchObject({ rows: 0, settled: { stored: 1 } });
      await seal(fourth.run, 0);
      const { outcomes } = await readEvidence(bench.s3.store, fourth.run);
      expect(outcomes[0]?.generations).toMatchObject([
        { generation: 1, jobId, end: 'done' },
        { generation: 2, jobId: newJob, end: 'done' },
      ]);
    });

    it('records the new image of a redo whose shard did not know that it was stored', async () => {
      await storedBatch('unheard');
      const { run } = await bench.ingest('unheard', [], 2, REDO);
      const jobId = await remade(run);
      const open = { generation: 2, jobId, end: 'open', charged: 'unknown' } as const;
      const settled = [{ row: 0, end: { kind: 'kept' }, generations: [open], settledAtMs: 1 }] as const;
      await bench.attempt(() => bench.activities.recordOutcomes({ run, shard: 0, part: 0, settled }));
      expect(await seal(run, 1)).toMatchObject({ stored: 1 });
      const { outcomes } = await readEvidence(bench.s3.store, run);
      expect(outcomes[0]).toMatchObject({
        end: { kind: 'stored', adopted: true },
        generations: [{ generation: 1 }, { generation: 2, jobId, end: 'done' }],
      });
    });

    it('uses the newer of two images of a row whose type has changed', async () => {
      const { image } = await storedBatch('retyped');
      const second = await bench.ingest('retyped', [], 2, REDO);
      const [key = ''] = await images(second.run);
      const head = await bench.s3.store.head(at(second.run, key));
      const identity = fromStoredIdentity(head?.metadata ?? {});
      if (!identity) throw new Error('The row has no image.');
      const newer = { ...identity, generation: 2, image: { ...image, type: 'webp' as const } };
      await bench.s3.store.put(at(second.run, key.replace(/png$/, 'webp')), Buffer.from('webp'), {
        contentType: 'image/webp',
        metadata: toStoredIdentity(newer),
      });
      const third = await bench.ingest('retyped', [], 3, { action: 'retry' });
      expect(third.result).toMatchObject({ rows: 0, settled: { stored: 1 } });
      await seal(third.run, 0);
      const { metadata } = await readEvidence(bench.s3.store, third.run);
      expect(metadata).toMatchObject([{ file_name: 'a.webp' }]);
    });

    it('restores the doubts of a shard that is run again, from when it was first opened', async () => {
      const { run } = await bench.ingest('doubts', ['id,prompt', 'a,a doubtful bird']);
      const open = (openedBy: string) =>
        bench.attempt(() => bench.activities.openShard({ run, shard: 0, openedBy }));
      const beforeMs = Date.now();
      expect((await open('first')).known).toEqual([]);
      const afterMs = Date.now();
      expect((await open('first')).known).toEqual([]);
      const [known] = (await open('second')).known;
      expect(known?.openedSinceMs).toBeGreaterThanOrEqual(beforeMs);
      expect(known?.openedSinceMs).toBeLessThanOrEqual(afterMs);
      expect(known).toEqual({
        row: 0,
        generation: 1,
        unansweredSinceMs: known?.openedSinceMs,
        openedSinceMs: known?.openedSinceMs,
      });
    });

    it('leaves a batch alone that a newer run has taken over', async () => {
      await bench.ingest('older', sheet);
      const newer = await bench.ingest('older', sheet, 2);
      const before = await bench.s3.store.readText(at(newer.run, batchFileKey(newer.run)));
      await expect(bench.ingest('older', sheet)).rejects.toMatchObject({
        type: 'RunSuperseded',
        nonRetryable: true,
      });
      expect(await bench.s3.store.readText(at(newer.run, batchFileKey(newer.run)))).toBe(before);
    });

    it('counts what an unfinished run has carried over, as far as only the bucket shows', async () => {
      await storedBatch('counted');
      const lines = ['id,prompt', 'a,a bird to redo', 'b,a new bird', 'c,'];
      const { run } = await bench.ingest('counted', lines, 2);
      const status = await statusFromBucket(bench.s3.store, run, 'unknown-to-temporal');
      expect(status).toMatchObject({ state: 'failed', total: 3, stored: 1, pending: 1, rejected: 1 });
      expect(status?.reason).toContain('banana-batch retry counted');
    });

    it('continues from the same run when ingest is repeated after it had finished', async () => {
      await storedBatch('repeated');
      const first = await bench.ingest('repeated', [], 2, REDO);
      expect((await bench.ingest('repeated', [], 2, REDO)).result).toEqual(first.result);
    });

    it('keeps rows and rejected records that a merged sheet lacks, in order and with their names', async () => {
      await bench.ingest('merged', ['id,prompt,Style', 'a,one,oil', 'b,two,ink', 'c,three,pen', 'x,,pen']);
      const lines = ['id,prompt,style,mood', 'd,four,,calm', 'b,two anew,ink,glad', 'y,,ink,glad'];
      const { run, result } = await bench.ingest('merged', lines, 2, { merge: true });
      expect(result).toMatchObject({ rows: 2, settled: { cancelled: 2, rejected: 2 } });
      await seal(run, 1, 'cancelled');
      const { outcomes } = await readEvidence(bench.s3.store, run);
      expect(outcomes.map(({ rowId }) => rowId)).toEqual(['a', 'b', 'c', 'd']);
      const batch = BatchFile.parse(JSON.parse(await bench.s3.store.readText(at(run, batchFileKey(run)))));
      expect(batch.labelColumns).toEqual(['Style', 'mood']);
      const failures = await bench.s3.store.readText(at(run, failuresKey(run)));
      expect(failures).toMatch(
        /^\uFEFF?id,prompt,model,aspect_ratio,resolution,count,Style,mood,failure_kind/,
      );
      expect(failures).toContain('b,two anew,pro,1:1,1K,1,ink,glad,cancelled');
      expect((await bench.s3.store.readText(at(run, rejectsKey(run)))).match(/^[xy],,/gm)).toHaveLength(2);
    });

    it('replaces rejected records by those of a submitted rejects.csv, and keeps them in a retry', async () => {
      await bench.ingest('mended', ['id,prompt,ratio', 'a,one,x', 'b,,y', 'c,,z']);
      const retried = await bench.ingest('mended', [], 2, { action: 'retry' });
      expect(retried.result).toMatchObject({ rows: 1, settled: { rejected: 2 } });
      const rejects = await bench.s3.store.readText(at(retried.run, rejectsKey(retried.run)));
      expect(rejects).toMatch(/^\uFEFF?id,prompt,ratio,reject_line,/);
      const lines = rejects.replace('b,,y', 'b,two,y').trimEnd().split('\n');
      const { run, result } = await bench.ingest('mended', lines, 3, { merge: true });
      expect(result).toMatchObject({ rows: 1, settled: { cancelled: 1, rejected: 1 } });
      const left = await bench.s3.store.readText(at(run, rejectsKey(run)));
      expect(left).toContain('c,,z');
      expect(left).not.toContain('b,,y');
    });

    it('writes the same files when ingest or seal is repeated', async () => {
      const { run, result } = await bench.ingest('again', sheet);
      const again = await bench.ingest('again', sheet);
      expect(again.result).toEqual(result);
      const sealed = await seal(run, 1, 'cancelled');
      expect(await seal(run, 1, 'cancelled')).toEqual(sealed);
    });

    it('lists similar images if requested, and deletes lists and data of earlier runs', async () => {
      const lines = ['id,prompt', ...['a', 'b', 'c', 'd', 'e'].map((id) => `${id},picture ${id}`)];
      const { run } = await bench.ingest('alike', lines, 1, { settings: { nearDuplicates: true } });
      const image = { type: 'png', width: 8, height: 8, sizeBytes: 1 } as const;
      const png = samplePng(64, 64, 9);
      const thumbnail = await thumbnailOf(png, 'png');
      if (!thumbnail) throw new Error('The sample has no thumbnail.');
      const hash = (await hashThumbnail(thumbnail)) ?? '';
      await bench.s3.store.put(at(run, thumbnailKey(run, '3')), thumbnail, { contentType: 'image/webp' });
      const looks = [
        { perceptualHash: hash },
        { perceptualHash: `${hash.slice(0, 15)}f` },
        { perceptualHash: 'f0f0f0f0f0f0f0f0' },
        // Its hash is made from its thumbnail, and the last one has neither.
        { thumbnail: true },
        {},
      ] as const;
      const settled = looks.map((look, row) => ({
        row,
        end: { kind: 'stored', adopted: false, image: { ...image, sha256: String(row), ...look } } as const,
        generations: [],
        settledAtMs: 1,
      }));
      await bench.attempt(() => bench.activities.recordOutcomes({ run, shard: 0, part: 0, settled }));
      await seal(run, 1);
      const list = at(run, nearDuplicatesKey(run));
      expect(await bench.s3.store.readText(list)).toBe(
        '\uFEFFgroup,id,file_name,distance\n1,a,a.png,0\n1,b,b.png,4\n1,d,d.png,0\n',
      );
      const { report } = await readEvidence(bench.s3.store, run);
      expect(report.nearDuplicates).toEqual({
        images: 3,
        groups: 1,
        notCompared: 1,
        incomplete: false,
        examples: [{ rowIds: ['a', 'b', 'd'] }],
      });

      const { run: second } = await bench.ingest('alike', lines, 2);
      await seal(second, 0);
      expect(await bench.s3.store.head(list)).toBeUndefined();
      const sheet: string[] = [];
      for await (const { key } of bench.s3.store.list(run.bucket, contactSheetPrefix(run)))
        sheet.push(key.slice(batchRoot(run).length));
      expect(sheet).toEqual(['contact-sheet/0002/rows-00000.js']);
      expect((await readEvidence(bench.s3.store, second)).report.digests).toHaveProperty([sheet[0] ?? '']);
    });

    it('reports a job shared by rows of several shards, in the report and in the status', async () => {
      const lines = ['id,prompt', ...Array.from({ length: 520 }, (_, row) => `r${row},bird ${row}`)];
      const { run, result } = await bench.ingest('job-of-several-shards', lines);
      expect(result).toMatchObject({ shardCount: 2 });
      const image = { type: 'png', width: 8, height: 8, sizeBytes: 1 } as const;
      for (const [shard, rows] of [500, 20].entries()) {
        const settled = Array.from({ length: rows }, (_, row) => ({
          row,
          end: {
            kind: 'stored',
            adopted: false,
            image: { ...image, sha256: `${row === 7 ? '' : shard}-${row}` },
          } as const,
          generations: [
            {
              generation: 1,
              // One row of each shard has the same job, and no other.
              jobId: (row === 7 ? 'job-7' : `job-${shard}-${row}`) as JobId,
              end: 'done',
              charged: 'yes',
            } as const,
          ],
          settledAtMs: 1,
        }));
        await bench.attempt(() => bench.activities.recordOutcomes({ run, shard, part: 0, settled }));
      }
      await seal(run, 2);
      const { report } = await readEvidence(bench.s3.store, run);
      const rowIds = ['r7', 'r507'];
      expect(report.repeatedJobs).toEqual({ jobs: 1, examples: [{ jobId: 'job-7', rowIds }] });
      const expected = { ...run, endedAt: report.endedAt };
      expect(await sealNotes(bench.s3.store, run, expected)).toContainEqual([
        'Warning',
        expect.stringContaining('job-7 for rows r7, r507'),
      ]);
    });

    it('does not finish a run whose preparation the bucket has lost', async () => {
      const first = await bench.ingest('set-back', sheet);
      const earlier = await bench.s3.store.readText(at(first.run, batchFileKey(first.run)));
      const { run } = await bench.ingest('set-back', sheet, 2);
      const contentType = 'application/json';
      await bench.s3.store.put(at(run, batchFileKey(run)), Buffer.from(earlier), { contentType });
      await expect(seal(run, 1)).rejects.toMatchObject({
        message: expect.stringMatching(/batch\.json is from run 1, .*banana-batch retry set-back/),
        nonRetryable: true,
      });
    });

    it('does not finish a completed run in which a row has no outcome', async () => {
      const { run } = await bench.ingest('hole', sheet);
      const settled = [{ row: 0, end: { kind: 'cancelled' }, generations: [], settledAtMs: 1 }] as const;
      await bench.attempt(() => bench.activities.recordOutcomes({ run, shard: 0, part: 0, settled }));
      await expect(seal(run, 1)).rejects.toMatchObject({
        message: expect.stringMatching(/^Records of the batch are missing: .* the results of 2 of 3 rows/),
        nonRetryable: true,
      });
      expect(await bench.s3.store.head(at(run, reportKey(run)))).toBeUndefined();
    });

    it('writes cells without a header into rejects.csv, too', async () => {
      const { run } = await bench.ingest('wide', ['id,prompt', 'a,a fox', 'b,a cat, a dog,and a bird']);
      expect(await bench.s3.store.readText(at(run, rejectsKey(run)))).toMatch(
        /^\uFEFF?id,prompt,column_3,column_4,reject_line,.*\r?\nb,a cat, a dog,and a bird,3,/,
      );
    });

    it('records checksums of the batch’s files in the report, and keeps its settings', async () => {
      const { run } = await bench.ingest('digests', sheet);
      await seal(run, 1, 'cancelled');
      const { report } = await readEvidence(bench.s3.store, run);
      const files = [batchFileKey, rejectsKey, failuresKey, metadataKey, (of: RunRef) => carriedKey(of, 1)];
      for (const keyOf of files) {
        const key = keyOf(run);
        const sha256 = createHash('sha256')
          .update(await bench.s3.store.readText(at(run, key)))
          .digest('hex');
        expect(report.digests[key.slice(batchRoot(run).length)]).toBe(sha256);
      }
      const batch = BatchFile.parse(JSON.parse(await bench.s3.store.readText(at(run, batchFileKey(run)))));
      expect(batch.settings).toMatchObject({ concurrency: 1, maxGenerations: 4 });
    });

    it('refuses an untrustworthy sheet at once, without retrying', async () => {
      const failed = bench.ingest('untrusted', ['id,colour', 'a,red']);
      await expect(failed).rejects.toMatchObject({ type: 'SheetError', nonRetryable: true });
    });
  });
});
