import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { SettledDocument } from '../../../src/ledger/documents.js';
import { ServiceTexts } from '../../../src/ledger/service-texts.js';
import { serviceTextsPrefix, type RunRef } from '../../../src/storage/layout.js';
import { startTestS3, type TestS3 } from '../../support/stack/test-stack.js';

const textOf = (number: number): string => `quagga ${number}`;

const keepAll = (texts: ServiceTexts, run: RunRef, from: number) =>
  Promise.all(Array.from({ length: 60 }, (_, at) => texts.keep(run, textOf(from + at))));

describe('the texts of a service', () => {
  let s3: TestS3;
  beforeAll(async () => {
    s3 = await startTestS3();
  });
  afterAll(() => s3?.stop());

  const runOf = (name: string): RunRef => ({
    bucket: s3.bucket,
    root: `${name}/`,
    batchId: name as BatchId,
    runSeq: 1,
  });
  const countOf = async (run: RunRef) => {
    let count = 0;
    for await (const _ of s3.store.list(run.bucket, serviceTextsPrefix(run))) count += 1;
    return count;
  };

  it('are limited in number per run, however many arrive at once', async () => {
    const run = runOf('flood');
    const [one, two] = [
      new ServiceTexts(s3.store, { mostOfRun: 25 }),
      new ServiceTexts(s3.store, { mostOfRun: 25 }),
    ];
    const kept = await keepAll(one, run, 0);
    expect(kept.filter(({ textId }) => textId !== undefined)).toHaveLength(25);
    // A later worker finds the run full, and refers to existing texts.
    expect((await keepAll(two, run, 100)).every(({ textId }) => textId === undefined)).toBe(true);
    expect(await countOf(run)).toBe(25);
    expect(await keepAll(two, run, 0)).toEqual(kept);
    // Another run has room.
    expect(await two.keep({ ...run, runSeq: 2 }, textOf(999))).toEqual({ textId: expect.any(String) });
  });

  it('are stored once, however often they occur, and found by their fingerprint', async () => {
    const run = runOf('same');
    const [one, two] = [new ServiceTexts(s3.store), new ServiceTexts(s3.store)];
    const kept = await Promise.all(
      [one, two, one, two, one].map((texts) => texts.keep(run, 'no such model')),
    );
    const [{ textId = '' } = {}] = kept;
    expect(textId).toMatch(/^[0-9a-f]{16}$/);
    expect(kept).toEqual(kept.map(() => ({ textId })));
    expect(await countOf(run)).toBe(1);
    const reader = new ServiceTexts(s3.store);
    const failedWith = { message: 'The job failed.', textId };
    expect(await reader.shown(run, failedWith)).toEqual({ message: 'The job failed: no such model' });
    expect(await reader.shown(run, { ...failedWith, textId: '0'.repeat(16) })).toEqual({
      message: 'The job failed.',
    });
    expect(await reader.shown(run, { message: 'The job failed.' })).toEqual({ message: 'The job failed.' });
    expect(await one.keep(run, '')).toEqual({});
  });

  it('are found for a row that is recorded again from history', async () => {
    const run = runOf('again');
    const texts = new ServiceTexts(s3.store);
    const failedWith = { message: 'The job failed.', ...(await texts.keep(run, 'no such model')) };
    const generation = { generation: 1, end: 'failed', charged: 'unknown', ...failedWith };
    const end = { kind: 'failed', failure: 'flaky', ...failedWith };
    const inHistory: unknown = JSON.parse(
      JSON.stringify({ row: 3, end, generations: [generation], settledAtMs: 1 }),
    );
    const { textId: _, ...shown } = { ...failedWith, message: 'The job failed: no such model' };
    expect(await texts.shownOf(run, SettledDocument.parse(inHistory))).toEqual({
      row: 3,
      end: { kind: 'failed', failure: 'flaky', ...shown },
      generations: [{ generation: 1, end: 'failed', charged: 'unknown', ...shown }],
      settledAtMs: 1,
    });
  });
});
