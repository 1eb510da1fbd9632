import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkSheet, type CheckedSheet } from '../../../src/plan/rows/check-sheet.js';
import {
  prepareSubmission,
  prepareWithoutBucket,
  type PreparationListener,
  type PreparedRun,
  type Submission,
} from '../../../src/plan/prepare-submission.js';
import { localSheet, sheetItems } from '../../../src/sheet/fetch/sheet-file.js';
import { SheetInputs } from '../../../src/sheet/fetch/sheet-inputs.js';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import type { PriceTable } from '../../../src/domain/money/price-table.js';
import type { BatchFile } from '../../../src/ledger/documents.js';
import { toJsonLines } from '../../../src/ledger/files/json-lines.js';
import { SheetSettings } from '../../../src/sheet/index.js';
import {
  at,
  batchFileKey,
  carriedKey,
  requestKey,
  rowsKey,
  type BatchLocation,
} from '../../../src/storage/layout.js';
import type { ObjectStore } from '../../../src/storage/object-store.js';
import { memoryStore } from '../../support/services/memory-store.js';
import { samplePng } from '../../support/images/sample-images.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';

const home: BatchLocation = { bucket: 'pictures', root: 'cats/', batchId: 'cats' as BatchId };
const settings = {
  concurrency: 10,
  maxGenerations: 4,
  graceMs: 1000,
  idempotencyHorizonMs: 86_400_000,
  probeFirstMs: 500,
  probeLongestMs: 2000,
};
const prices: PriceTable = new Map([['pro', new Map([['1K', '0.04']])]]);

/** A sheet that counts how often it is opened. */
interface CountedSheet {
  readonly sheet: CheckedSheet;
  readonly opened: () => number;
}

describe('a submission', () => {
  let folder: TemporaryFolder;
  let store: ObjectStore;
  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeFile(path.join(folder.path, 'cat.png'), samplePng(64, 64));
  });
  afterAll(() => folder?.remove());
  beforeEach(() => {
    store = memoryStore();
  });

  async function checked(
    text: string,
    requested: { readonly merge?: boolean; readonly [setting: string]: unknown } = {},
  ): Promise<CountedSheet> {
    const { merge = false, ...given } = requested;
    const file = path.join(folder.path, 'sheet.csv');
    await writeFile(file, text);
    const inputs = new SheetInputs({
      base: { kind: 'folder', folder: folder.path },
      openStore: async () => store,
      signal: new AbortController().signal,
    });
    const local = await localSheet(file, { name: 'sheet.csv', inputs });
    let opened = 0;
    const open = (): AsyncIterable<Uint8Array> => {
      opened += 1;
      return local.open();
    };
    const sheet = await checkSheet({ ...local, open }, { sheetSettings: SheetSettings.parse(given), merge });
    return { sheet, opened: () => opened };
  }

  function prepared(
    { sheet }: CountedSheet,
    others: Partial<Submission> = {},
    listener: PreparationListener = {},
  ): Promise<PreparedRun> {
    const submission = {
      sheet,
      home,
      settings,
      spending: {},
      newIds: false,
      rebind: false,
      unattended: false,
      ...others,
    };
    return prepareSubmission({ store, account: undefined, prices, isToStart: false }, submission, listener);
  }

  /** Leaves what the ingest of a first run leaves before its rows have ended. */
  async function firstRun(text: string): Promise<void> {
    const { sheet } = await checked(text);
    const { sheetSettings } = sheet;
    const rows: object[] = [];
    let position = 0;
    for await (const item of sheetItems(sheet, sheetSettings)) {
      if (item.kind === 'row') rows.push({ ...item.row, position: position++, generation: 1 });
    }
    const request = {
      sheetKey: 'k',
      sheetName: 'sheet.csv',
      sheet: sheetSettings,
      submittedAt: '2026-01-01T00:00:00Z',
    };
    const batch: Partial<BatchFile> = {
      format: 1,
      batchId: home.batchId,
      account: 'https://api.example#0123456789abcdef',
      runSeq: 1,
      base: 0,
      settings,
      labelColumns: [],
      delimiter: ',',
      hasNames: true,
      shardCount: 1,
      rows: rows.length,
      carried: 0,
      rejected: 0,
      ingestedAt: '2026-01-01T00:00:00Z',
      digests: {},
    };
    const put = (key: string, documents: readonly unknown[]): Promise<unknown> =>
      store.put(at(home, key), toJsonLines(documents), { contentType: 'application/json' });
    await put(requestKey(home, 1), [request]);
    await put(batchFileKey(home), [{ ...batch, sheet: request }]);
    await put(rowsKey(home, 1, 0), rows);
    await put(carriedKey(home, 1), []);
  }

  const FIRST = 'id,prompt,file_name\na,a fox,fox\nb,a hen,hen\nc,an owl,owl\n';

  it.each([
    ['a first run', FIRST, {}, {}],
    ['templates', FIRST, { template: 'a {{red,blue}} {{prompt}}' }, {}],
    ['input images', 'id,prompt,input_images\na,a fox,cat.png\nb,a hen,cat.png\n', {}, {}],
    ['a canary and a budget', FIRST, {}, { canary: { rows: 2 }, spending: { budget: '10.00' } }],
    ['a failures.csv', 'id,prompt,failure_kind\na,a fox,refused\n', {}, { newIds: true }],
  ] as const)('reads the sheet at most twice: %s', async (_, text, requested, others) => {
    const counted = await checked(text, requested);
    const rows: string[] = [];
    const { kind } = await prepared(counted, others, { onRun: ({ rowId }) => rows.push(rowId) });
    expect({ kind, opened: counted.opened() }).toEqual({ kind: 'ready', opened: 2 });
    expect(rows.length).toBe(counted.sheet.summary.rows);
  });

  it.each([
    ['the whole sheet again', `${FIRST}d,a cow,\n`, {}, {}],
    ['a merge that brings names', 'id,prompt,file_name\nd,a cow,OWL\ne,a cat,\n', { merge: true }, {}],
    ['rejected records that stand for rows', 'id,prompt,model\na,a fox,\nb,a hen,dall-e\n', {}, {}],
    ['a failures.csv', 'id,prompt,failure_kind\na,a fox,refused\n', {}, {}],
    ['a canary and a budget', `${FIRST}d,a cow,\n`, {}, { canary: { rows: 1 }, spending: { budget: '9' } }],
    ['input images', 'id,prompt,input_images\na,a fox,cat.png\nb,a hen,cat.png\n', {}, {}],
  ] as const)(
    'reads the sheet at most twice if the batch has rows: %s',
    async (_, text, requested, others) => {
      await firstRun(FIRST);
      const counted = await checked(text, requested);
      const rejected: string[] = [];
      const { kind } = await prepared(counted, others, {
        onRun: () => undefined,
        onRejected: async ({ rule }) => void rejected.push(rule),
      });
      expect({ kind, opened: counted.opened() }).toEqual({ kind: 'ready', opened: 2 });
    },
  );

  it('reads the sheet once if its batch is new and no progress is shown', async () => {
    const counted = await checked(FIRST);
    expect(await prepared(counted)).toMatchObject({ kind: 'ready', plan: { runSeq: 1, new: 3 } });
    expect(counted.opened()).toBe(1);
  });

  it('reads no further than shown without a bucket to compare with', async () => {
    const counted = await checked(FIRST);
    const submission = { sheet: counted.sheet, home, settings, spending: {}, newIds: false, rebind: false };
    const shown: string[] = [];
    const { plan } = await prepareWithoutBucket(
      prices,
      { ...submission, unattended: false },
      { onRun: ({ rowId }) => shown.push(rowId), hasEnough: () => shown.length === 2 },
    );
    expect({ shown, opened: counted.opened() }).toEqual({ shown: ['a', 'b'], opened: 2 });
    expect(plan).toMatchObject({ runSeq: 1, new: 3 });
  });

  it('refuses names of a merge that rows of the batch have, as collected by the check', async () => {
    await firstRun(FIRST);
    const { plan } = await prepared(
      await checked('id,prompt,file_name\nd,a cow,OWL\ne,a cat,\n', { merge: true }),
    );
    expect(plan).toMatchObject({ new: 1, kept: 3, summary: { rows: 1, rejected: 1 } });
  });

  it('keeps rows whose new records are rejected', async () => {
    await firstRun(FIRST);
    const { plan } = await prepared(
      await checked('id,prompt,file_name,model\na,a fox,fox,\nb,a hen,hen,dall-e\n'),
    );
    expect(plan).toMatchObject({ kept: 1, removed: 1, summary: { rejected: 1 } });
  });

  it('is planned before it is refused, and refused by its plan before its budget', async () => {
    const plans: number[] = [];
    const onPlan: PreparationListener['onPlan'] = ({ plan }) => plans.push(plan.new);
    const spending = { maxImages: 2 };
    await expect(prepared(await checked(FIRST), { spending }, { onPlan })).rejects.toThrow('3 images');
    const refused = prepared(await checked('id,prompt,failure_kind\nx,a fox,refused\ny,a hen,refused\n'), {
      spending: { maxImages: 1 },
    });
    await expect(refused).rejects.toThrow('ids that are not rows');
    expect(plans).toEqual([3]);
  });

  it('is refused if most rows of the batch would be removed unattended', async () => {
    await firstRun(FIRST);
    const counted = await checked('id,prompt,file_name\na,a fox,fox\n');
    await expect(prepared(counted, { unattended: true })).rejects.toMatchObject({ reason: 'shrunken' });
    expect(await prepared(counted)).toMatchObject({ kind: 'ready', plan: { removed: 2 } });
  });

  it('contains the settings of the run, including money and canary', async () => {
    const others = { canary: { rows: 2 }, spending: { budget: '10.00' } };
    expect(await prepared(await checked(FIRST), others)).toMatchObject({
      start: {
        location: home,
        runSeq: 1,
        rows: 3,
        settings: { ...settings, budget: '10.00', canary: { rows: 2, of: 3 } },
      },
    });
  });
});
