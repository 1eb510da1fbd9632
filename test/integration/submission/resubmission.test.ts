import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localSheet } from '../../../src/sheet/fetch/sheet-file.js';
import { startRun } from '../../../src/plan/start-run.js';
import { SheetSettings } from '../../../src/sheet/index.js';
import {
  at,
  contactSheetKey,
  contactSheetPrefix,
  failuresKey,
  imagesPrefix,
  outcomesKey,
  rejectsKey,
  reportKey,
  type RunRef,
} from '../../../src/storage/layout.js';
import { batchWorkflowId } from '../../../src/workflows/protocol/names.js';
import { readEvidence } from '../../support/batches/batch-evidence.js';
import { runCommand } from '../../support/commands/command-line.js';
import { eventually } from '../../support/eventually.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { TEST_API_KEY } from '../../support/stack/test-services.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

describe('a sheet of an existing batch', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 100, max: 300 } } });
    await engine.startWorker();
  });
  afterAll(() => engine?.stop());

  const { command, write, ended, location, textAt, runFolders } = submissionBench(() => engine);

  const imagesOf = async (batchId: string): Promise<readonly string[]> => {
    const keys: string[] = [];
    const prefix = imagesPrefix(location(batchId));
    for await (const { key } of engine.stack.s3.store.list(engine.stack.s3.bucket, prefix)) {
      if (key.endsWith('.png')) keys.push(key);
    }
    return keys;
  };

  /** The page and its data. */
  const contactSheetOf = async (batchId: string): Promise<string> => {
    const place = location(batchId);
    const keys = [contactSheetKey(place)];
    for await (const { key } of engine.stack.s3.store.list(place.bucket, contactSheetPrefix(place)))
      keys.push(key);
    return (await Promise.all(keys.map((key) => textAt(batchId, key)))).join('\n');
  };

  /** A run as the command starts it, but of a sheet that is not checked before. */
  const startedRun = async (
    batchId: string,
    name: string,
    { runSeq = 1, sheetSettings = {} }: { readonly runSeq?: number; readonly sheetSettings?: object },
  ): Promise<RunRef> => {
    const file = path.join(engine.folder.path, name);
    const { run } = await startRun({
      client: engine.stack.temporal.client,
      store: engine.stack.s3.store,
      taskQueue: 'banana-batch',
      location: location(batchId),
      runSeq,
      sheet: await localSheet(file, { name }),
      sheetSettings: SheetSettings.parse(sheetSettings),
      rows: 2,
      settings: {
        concurrency: 10,
        maxGenerations: 4,
        graceMs: 60_000,
        idempotencyHorizonMs: 3_600_000,
        probeFirstMs: 1_000,
        probeLongestMs: 1_000,
      },
      service: new URL(engine.apiUrl).origin,
    });
    return run;
  };

  it('submitted again runs only what is new or changed, and keeps what was bought', async () => {
    await write('menu.csv', 'id,prompt,course\na,soup,1\nb,fish,2\nc,cake,3\n');
    const first = await command(['submit', 'menu.csv', '--json']);
    expect(JSON.parse(first.stdout)).toMatchObject({ batchId: 'menu', runSeq: 1, rows: 3, new: 3 });
    await ended('menu');
    const jobs = engine.sandbox.stats().jobsMade;

    expect(await command(['submit', 'menu.csv'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Nothing to do'),
    });

    await write('menu.csv', 'id,prompt,course\na,soup,1\nb,fried fish,2\nd,coffee,4\n');
    const refused = await command(['submit', 'menu.csv']);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('changes 1 and removes 1') });
    const second = await command(['submit', 'menu.csv', '--yes', '--json']);
    expect(JSON.parse(second.stdout)).toMatchObject({
      runSeq: 2,
      rows: 3,
      new: 1,
      changed: 1,
      unchanged: 1,
      removed: 1,
    });
    await ended('menu');
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(2);
    const { report, metadata } = await readEvidence(engine.stack.s3.store, location('menu'));
    expect(report.tally).toMatchObject({ total: 3, stored: 3 });
    expect(metadata.map(({ prompt }) => prompt)).toEqual(['soup', 'fried fish', 'coffee']);
  });

  /** Submits a batch of sofas and returns what the command prints. */
  const submitSofas = async (sheet: string): Promise<Record<string, unknown>> => {
    await write('sofas.csv', sheet);
    const submitted = await command(['submit', 'sofas.csv', '--yes', '--json']);
    await ended('sofas');
    return JSON.parse(submitted.stdout);
  };

  it('keeps rows whose cells a spreadsheet did not fill in, and continues them later', async () => {
    const good = 'id,prompt,count,room\nA1,a red sofa,1,hall\nA2,a blue sofa,2,\nA3,a lamp,1,\n';
    const facts = async () => {
      const { report, metadata } = await readEvidence(engine.stack.s3.store, location('sofas'));
      return {
        tally: report.tally,
        images: metadata.map(({ prompt, file_name, sha256, room }) => ({ prompt, file_name, sha256, room })),
      };
    };
    await submitSofas(good);
    const first = await facts();
    const jobs = engine.sandbox.stats().jobsMade;
    // The label's column is gone, and one row is really removed.
    const broken = 'id,prompt,count\nA1,Loading...,1\nA2,=B2&" sofa",2\nA4,#REF!,1\nA5,a rug,1\n';
    expect(await submitSofas(broken)).toMatchObject({ rows: 1, rejected: 3, new: 1, removed: 1, kept: 3 });
    const second = await facts();
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(1);
    expect(second.tally).toMatchObject({ total: 7, stored: 4, rejected: 3 });
    const kept = first.images.filter(({ prompt }) => prompt !== 'a lamp');
    expect(second.images).toEqual([expect.objectContaining({ prompt: 'a rug' }), ...kept]);
    expect(await textAt('sofas', rejectsKey(location('sofas')))).toContain('#REF!');

    expect(await submitSofas(good)).toMatchObject({ new: 1, unchanged: 3, changed: 0, removed: 1, kept: 0 });
    // The lamp's image was still there.
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(1);
    expect((await facts()).images).toEqual(first.images);
  });

  it('with only edited labels is finished again without buying, whatever happens to a column', async () => {
    const zoo = location('zoo');
    const files = async () => ({
      sheet: await contactSheetOf('zoo'),
      failures: await textAt('zoo', failuresKey(zoo)),
      ...(await readEvidence(engine.stack.s3.store, zoo)),
    });
    await write('zoo.csv', 'id,prompt,house\na,an ape,north\nb,a bear,north\nx,an ox [[refuse]],north\n');
    await command(['submit', 'zoo.csv']);
    await ended('zoo');
    const jobs = engine.sandbox.stats().jobsMade;
    const resubmit = async (sheet: string) => {
      await write('zoo.csv', sheet);
      const second = await command(['submit', 'zoo.csv', '--json']);
      expect(JSON.parse(second.stdout)).toMatchObject({ new: 0, changed: 0, unchanged: 3, removed: 0 });
      expect(second.stderr).toContain('Nothing to buy');
      await ended('zoo');
      return files();
    };

    const edited = await resubmit(
      'id,prompt,house,age\na,an ape,south,3\nb,a bear,north,\nc,,east,1\nx,an ox [[refuse]],stable,9\n',
    );
    expect(edited.metadata).toMatchObject([
      { house: 'south', age: '3' },
      { house: 'north', age: '' },
    ]);
    expect(edited.report.tally).toMatchObject({ total: 4, stored: 2, failed: 1, rejected: 1 });
    expect(edited.failures).toMatch(
      /^\uFEFFid,prompt,model,aspect_ratio,resolution,count,house,age,failure_/,
    );
    expect(edited.failures).toContain('1K,1,stable,9,refused');
    for (const label of ['south', 'stable']) expect(edited.sheet).toContain(label);
    expect(await command(['submit', 'zoo.csv'])).toMatchObject({
      stderr: expect.stringContaining('Nothing to do'),
    });

    const renamed = await resubmit(
      'Age,prompt,id,home\n3,an ape,a,south\n,a bear,b,north\n9,an ox [[refuse]],x,stable\n',
    );
    expect(renamed.metadata.map((line) => Object.keys(line).slice(9))).toEqual([
      ['Age', 'home'],
      ['Age', 'home'],
    ]);
    expect(renamed.failures).toContain('1K,1,9,stable,refused');
    expect(renamed.sheet).toContain('home');
    expect(renamed.report.tally).toMatchObject({ total: 3, rejected: 0 });

    const bare = await resubmit('id,prompt\na,an ape\nb,a bear\nx,an ox [[refuse]]\n');
    expect(bare.metadata.map((line) => Object.keys(line).length)).toEqual([9, 9]);
    expect(bare.failures).toMatch(/resolution,count,failure_kind/);
    for (const label of ['home', 'stable']) expect(bare.sheet).not.toContain(label);
    expect(engine.sandbox.stats().jobsMade).toBe(jobs);
    expect(await command(['verify', 'zoo'])).toMatchObject({ code: 0 });
  });

  it('without some of its rows leaves their images until they are pruned', async () => {
    const images = await imagesOf('zoo');
    expect(images).toHaveLength(2);
    await write('zoo.csv', 'id,prompt,house\nb,a bear,north\n');
    const jobs = engine.sandbox.stats().jobsMade;
    expect(JSON.parse((await command(['submit', 'zoo.csv', '--yes', '--json'])).stdout)).toMatchObject({
      unchanged: 1,
      removed: 2,
    });
    await ended('zoo');
    const { report, metadata } = await readEvidence(engine.stack.s3.store, location('zoo'));
    expect(metadata).toMatchObject([{ prompt: 'a bear' }]);
    expect(report.tally).toMatchObject({ total: 1, stored: 1, failed: 0 });
    expect(await contactSheetOf('zoo')).not.toContain('an ape');
    expect(await imagesOf('zoo')).toEqual(images);
    expect(await command(['prune', 'zoo', '--yes'])).toMatchObject({ code: 0 });
    expect(await imagesOf('zoo')).toHaveLength(1);
    expect(await command(['verify', 'zoo'])).toMatchObject({ code: 0 });
    expect(engine.sandbox.stats().jobsMade).toBe(jobs);
  });

  it('with other names finds its images under them without buying, even if names are swapped', async () => {
    const sheet = (names: readonly string[], more = '') => {
      const rows = names.map((name, index) => `r${index},dish ${index},${name}\n`);
      return write('dishes.csv', `id,prompt,file_name\n${rows.join('')}${more}`);
    };
    const imagesOf = async () => {
      const { metadata } = await readEvidence(engine.stack.s3.store, location('dishes'));
      return new Map(
        metadata.map((line) => [line['prompt'], { name: line['file_name'], sha256: line['sha256'] }]),
      );
    };
    await sheet(['Menü/soup 1.png', 'Menü/fish', '']);
    expect(await command(['submit', 'dishes.csv'])).toMatchObject({ code: 0 });
    await ended('dishes');
    const before = await imagesOf();
    const jobs = engine.sandbox.stats().jobsMade;

    const names = ['Menü/fish', 'Menü/soup 1', '100%/a+b #1'];
    await sheet(names, 'new,dessert,R2\n');
    const renamed = await command(['submit', 'dishes.csv', '--json']);
    expect(JSON.parse(renamed.stdout)).toMatchObject({ new: 1, changed: 0, unchanged: 3, renamed: 3 });
    expect(renamed.stderr).toContain('3 images renamed: copied in the bucket, not bought');
    await ended('dishes');
    const after = await imagesOf();
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(1);
    for (const [index, name] of names.entries()) {
      const prompt = `dish ${index}`;
      expect(after.get(prompt)).toEqual({ name: `${name}.png`, sha256: before.get(prompt)?.sha256 });
    }

    await write('more.csv', 'id,prompt,file_name\nmore,a cake,menü/FISH\nother,a tea,tea\n');
    const merged = await command(['submit', 'more.csv', '--id', 'dishes', '--merge', '--json']);
    expect(JSON.parse(merged.stdout)).toMatchObject({ rows: 1, rejected: 1, new: 1, kept: 4, renamed: 0 });
    expect(merged.stderr).toContain(
      '"menü/FISH" is used twice (line 2 and row "r0" of the batch, line 2 of its sheet;',
    );
    const strict = ['submit', 'more.csv', '--id', 'dishes', '--merge', '--strict', '--dry-run'];
    expect(await command(strict)).toMatchObject({ code: 2, stderr: expect.stringContaining('--strict') });
    await ended('dishes');

    const found = await command(['row', 'dishes', 'Menü/fish.png', '--json']);
    expect(JSON.parse(found.stdout)).toMatchObject({ rowId: 'r0', image: { present: true } });
    expect(await command(['prune', 'dishes', '--yes'])).toMatchObject({ code: 0 });
    expect(await command(['verify', 'dishes', '--deep'])).toMatchObject({ code: 0 });
  });

  it('whose run was terminated after its last row is finished when submitted again', async () => {
    await write('unsealed.csv', 'prompt\nan open letter\n');
    await command(['submit', 'unsealed.csv']);
    await ended('unsealed');
    const jobs = engine.sandbox.stats().jobsMade;
    const batch = location('unsealed');
    for (const key of [reportKey(batch), outcomesKey(batch, 1)]) {
      await engine.stack.s3.store.delete(at(batch, key));
    }
    expect(await command(['submit', 'unsealed.csv'])).toMatchObject({ code: 0 });
    await ended('unsealed');
    expect(JSON.parse(await textAt('unsealed', reportKey(batch)))).toMatchObject({
      runSeq: 2,
      tally: { total: 1, stored: 1 },
    });
    expect(engine.sandbox.stats().jobsMade).toBe(jobs);
  });

  it('is refused for a batch of another account', async () => {
    await write('owned.csv', 'prompt\na deed\n');
    await command(['submit', 'owned.csv']);
    await ended('owned');
    engine.sandbox.configure({ keys: [TEST_API_KEY, { key: 'another-key', account: 'another' }] });
    const variables = { ...engine.variables, BANANAHUB_API_KEY: 'another-key' };
    for (const flags of [[], ['--dry-run']]) {
      const refused = await runCommand(['submit', 'owned.csv', ...flags], {
        cwd: engine.folder.path,
        variables,
      });
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toMatch(/belongs to account http\S+, but http\S+ is configured.*--new/);
    }
    expect(await runFolders('owned')).toEqual(['0001']);
  });

  it('submitted again while running reports the active run', async () => {
    await write('lanes.csv', 'prompt\na jam [[stuck]]\na free lane\n');
    const first = await command(['submit', 'lanes.csv', '--json']);
    const again = await command(['submit', 'lanes.csv', '--json']);
    expect(again).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('already running on this sheet'),
    });
    expect(JSON.parse(again.stdout)).toEqual(JSON.parse(first.stdout));
    const other = await command(['submit', 'lanes.csv', '--model', 'nb', '--json']);
    expect(other).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('other settings') });
    const { client } = engine.stack.temporal;
    await client.workflow.getHandle(batchWorkflowId(location('lanes').batchId)).terminate('a test');
  });

  it('submitted twice at the same moment is started once and leaves one run', async () => {
    await write('twins.csv', 'prompt\none\ntwo\nthree\n');
    const jobs = engine.sandbox.stats().jobsMade;
    const both = await Promise.all([command(['submit', 'twins.csv']), command(['submit', 'twins.csv'])]);
    expect(both.filter(({ stderr }) => stderr.includes('Started.'))).toHaveLength(1);
    await ended('twins');
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(3);
    expect(await runFolders('twins')).toEqual(['0001']);
  });

  it('whose second run is requested just before the first one starts leaves one run', async () => {
    const name = 'late.csv';
    await write(name, 'prompt\nearly\nlate\n');
    const start = (runSeq: number) => startedRun('late', name, { runSeq });
    const jobs = engine.sandbox.stats().jobsMade;
    await start(1);
    await expect(start(2)).rejects.toThrow('by another submission');
    await ended('late');
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(2);
    expect(await runFolders('late')).toEqual(['0001']);
  });

  it('read with the date of a schedule run keeps it in retries, failures.csv and rejects.csv', async () => {
    await write(
      'dawn.csv',
      'prompt,model\na fox on {{date}},nb\n[[refuse]] at {{time}},nb\nan owl on {{date}},x\n',
    );
    const jobs = engine.sandbox.stats().jobsMade;
    await startedRun('dawn', 'dawn.csv', {
      sheetSettings: { moment: { date: '2026-11-23', time: '02:00' } },
    });
    await ended('dawn');
    await command(['retry', 'dawn', '--kind', 'refused']);
    await ended('dawn');
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(3);
    await write('failures.csv', await textAt('dawn', failuresKey(location('dawn'))));
    const again = await command(['submit', 'failures.csv', '--id', 'dawn', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ new: 0, changed: 0, unchanged: 1, kept: 1 });
    await ended('dawn');
    const rejects = await textAt('dawn', rejectsKey(location('dawn')));
    await write('rejects.csv', rejects.replace(',x,', ',nb,'));
    const mended = await command(['submit', 'rejects.csv', '--id', 'dawn', '--json']);
    expect(JSON.parse(mended.stdout)).toMatchObject({ new: 1, changed: 0, removed: 0, kept: 2 });
    await ended('dawn');
    const outcomes = await textAt('dawn', outcomesKey(location('dawn'), 4));
    for (const rowId of ['a-fox-on-2026-11-23-', 'refuse-at-02-00-', 'an-owl-on-2026-11-23-'])
      expect(outcomes).toContain(rowId);
  });

  it('whose batch was terminated continues where it stopped, without buying twice', async () => {
    const rows = Array.from({ length: 40 }, (_, row) => `step ${row}`).join('\n');
    await write('stairs.csv', `prompt\n${rows}\n`);
    const jobs = engine.sandbox.stats().jobsMade;
    await command(['submit', 'stairs.csv', '--concurrency', '5']);
    await eventually(() => engine.sandbox.stats().jobsMade - jobs > 10, { what: 'ten jobs are made' });
    const handle = engine.stack.temporal.client.workflow.getHandle(
      batchWorkflowId(location('stairs').batchId),
    );
    await handle.terminate('a test');
    const status = await command(['status', 'stairs', '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('ended from outside'),
    });
    await command(['submit', 'stairs.csv', '--yes']);
    await ended('stairs');
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(40);
    const report = await command(['status', 'stairs', '--json']);
    expect(JSON.parse(report.stdout)).toMatchObject({ state: 'completed', stored: 40, total: 40 });
  });
});
