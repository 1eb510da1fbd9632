import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchRoot, failuresKey, inputImagesPrefix } from '../../../src/storage/layout.js';
import { readEvidence } from '../../support/batches/batch-evidence.js';
import { runCommand } from '../../support/commands/command-line.js';
import { samplePng } from '../../support/images/sample-images.js';
import { startScriptedServer, type ScriptedServer } from '../../support/services/scripted-server.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

describe('a sheet with input images', () => {
  let engine: TestEngine;
  let web: ScriptedServer;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 50, max: 150 } } });
    web = await startScriptedServer();
    web.answerWith((_, response) => response.end(samplePng(30, 30)));
    await mkdir(path.join(engine.folder.path, 'shop/photos'), { recursive: true });
    await photo('a.png', samplePng(60, 30));
    await photo('my dog.png', samplePng(30, 60));
    await engine.stack.s3.store.put(
      { bucket: engine.stack.s3.bucket, key: 'refs/logo.png' },
      samplePng(50, 10),
      { contentType: 'image/png' },
    );
    await write('shop/edit.csv', sheet());
    await engine.startWorker();
  });
  afterAll(async () => {
    await web?.close();
    await engine?.stop();
  });

  const { command, write, ended, location, textAt } = submissionBench(() => engine);
  const photo = (name: string, bytes: Buffer) =>
    writeFile(path.join(engine.folder.path, 'shop/photos', name), bytes);
  const sheet = () =>
    [
      'id,prompt,model,aspect_ratio,resolution,input_images',
      'r1,turn it blue,nb,3:4,,photos/a.png',
      'r2,both of them,nb2,auto,2K,photos/my dog.png | photos/a.png',
      `r3,with the logo,pro,auto,,s3://${engine.stack.s3.bucket}/refs/logo.png ${web.origin}/b.png?sig=s3cr3t`,
      'r4,of text alone,pro,,,',
      'r5,[[refuse]],pro,,,photos/a.png',
      'r6,gone,pro,,,photos/none.png',
      '',
    ].join('\n');
  const keysOf = async (prefix: string) => {
    const keys: string[] = [];
    for await (const { key } of engine.stack.s3.store.list(engine.stack.s3.bucket, prefix)) keys.push(key);
    return keys;
  };

  const faraway = (args: readonly string[], input: string) =>
    runCommand(args, {
      cwd: engine.folder.path,
      variables: { ...engine.variables, BANANAHUB_BASE_URL: 'https://93.184.216.34/api' },
      input,
    });

  it('makes images with all models, uploads each input once, and repeats lost creates unchanged', async () => {
    engine.sandbox.configure({ next: { 'create-lost-answer': 3 } });
    const submitted = await command(['submit', 'shop/edit.csv']);
    expect(submitted.code).toBe(0);
    expect(submitted.stderr).toMatch(/4 of 5 images are made from input images: 3 files .*, 1 URL\n/);
    expect(submitted.stderr).toMatch(/line 7, input_images "photos\/none\.png": file not found/);
    await ended('edit');
    expect(engine.sandbox.stats()).toMatchObject({ jobsMade: 5, replays: 3, replayMismatches: 0 });
    const { metadata, report } = await readEvidence(engine.stack.s3.store, location('edit'));
    expect(report.tally).toMatchObject({ stored: 4, failed: 1, rejected: 1 });
    expect(await keysOf(inputImagesPrefix(location('edit')))).toHaveLength(3);
    expect(metadata).toMatchObject([
      { file_name: 'r1.png', input_images: expect.stringMatching(/^inputs\/images\/[0-9a-f]{64}\.png$/) },
      {
        file_name: 'r2.png',
        input_images: expect.stringMatching(/\.png inputs.*\.png$/),
        aspect_ratio: 'auto',
      },
      { file_name: 'r3.png', input_images: expect.stringMatching(/\.png http:.*\/b\.png$/) },
      { file_name: 'r4.png', input_images: '' },
    ]);
    // The first input image decides.
    expect(metadata.map(({ width, height }) => Math.sign(Number(width) - Number(height)))).toEqual([
      -1, -1, 1, 0,
    ]);
  });

  it('leaves signatures only where the sheet and its rows are stored', async () => {
    const root = batchRoot(location('edit'));
    const keys = (await keysOf(root)).filter((key) => !/\.(?:png|webp)$/.test(key));
    const texts = await Promise.all(keys.map((key) => textAt('edit', key)));
    expect(texts.some((text) => text.includes('X-Amz-'))).toBe(false);
    const withSecret = keys.filter((_, index) => texts[index]?.includes('s3cr3t'));
    expect(withSecret.map((key) => key.slice(root.length).replace(/[0-9a-f]{64}/, 'SHA'))).toEqual([
      'inputs/SHA.csv',
      'runs/0001/rows/00000.jsonl',
    ]);
    const row = await command(['row', 'edit', 'r3']);
    const outputs = [row, ...engine.workers.map((worker) => worker.output())];
    expect(row.stdout).toContain(`s3://${engine.stack.s3.bucket}/edit/inputs/images/`);
    expect(outputs.map(({ stdout, stderr }) => stdout + stderr).join('')).not.toMatch(/s3cr3t|X-Amz-/);
  });

  it('submitted again changes exactly the rows whose images have other bytes', async () => {
    expect((await command(['submit', 'shop/edit.csv'])).stderr).toContain('Nothing to do');
    const { jobsMade } = engine.sandbox.stats();
    await photo('my dog.png', samplePng(30, 60, 129));
    const dry = await command(['submit', 'shop/edit.csv', '--dry-run', '--json']);
    expect(JSON.parse(dry.stdout)).toMatchObject({ changed: 1, unchanged: 4, uploads: { images: 1 } });
    expect(await keysOf(inputImagesPrefix(location('edit')))).toHaveLength(3);
    const again = await command(['submit', 'shop/edit.csv', '--yes', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ new: 0, changed: 1, unchanged: 4, removed: 0 });
    await ended('edit');
    expect(engine.sandbox.stats()).toMatchObject({ jobsMade: jobsMade + 1, replayMismatches: 0 });
    expect(await keysOf(inputImagesPrefix(location('edit')))).toHaveLength(4);
  });

  it('is retried, and its fixed failures.csv submitted, using only the bucket', async () => {
    await rm(path.join(engine.folder.path, 'shop'), { recursive: true });
    expect(await command(['retry', 'edit', '--kind', 'refused', '--yes'])).toMatchObject({ code: 0 });
    await ended('edit');
    const failures = await textAt('edit', failuresKey(location('edit')));
    expect(failures).toContain(`s3://${engine.stack.s3.bucket}/edit/inputs/images/`);
    await mkdir(path.join(engine.folder.path, 'elsewhere'));
    await write('elsewhere/failures.csv', failures.replace('[[refuse]]', 'allowed'));
    const mended = await command(['submit', 'elsewhere/failures.csv', '--id', 'edit', '--yes', '--json']);
    expect(JSON.parse(mended.stdout)).toMatchObject({ changed: 1, rows: 1 });
    await ended('edit');
    expect(JSON.parse((await command(['status', 'edit', '--json'])).stdout)).toMatchObject({
      stored: 5,
      failed: 0,
    });
    expect(await command(['verify', 'edit'])).toMatchObject({ code: 0 });
    await command(['prune', 'edit', '--yes']);
    expect(await keysOf(inputImagesPrefix(location('edit')))).toHaveLength(4);
    const [, key = ''] = /s3:\/\/[^/]+\/(edit\/inputs\/images\/[0-9a-f]{64}\.png)/.exec(failures) ?? [];
    await engine.stack.s3.store.delete({ bucket: engine.stack.s3.bucket, key });
    expect(await command(['verify', 'edit'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(key.slice('edit/'.length)),
    });
  });

  it('from s3:// uses objects next to it, and from standard input files of this folder', async () => {
    const { bucket, store } = engine.stack.s3;
    const bytes = Buffer.from('prompt,input_images\na logo,logo.png\nno logo,/etc/hostname\n');
    await store.put({ bucket, key: 'refs/beside.csv' }, bytes, { contentType: 'text/csv' });
    const submitted = await command([
      'submit',
      `s3://${bucket}/refs/beside.csv`,
      '--to',
      `s3://${bucket}/a place/`,
    ]);
    expect(submitted.stderr).toMatch(
      /line 3, input_images "\/etc\/hostname": .*names an object beside the sheet/,
    );
    await write('here.png', '');
    await writeFile(path.join(engine.folder.path, 'here.png'), samplePng(9, 9));
    expect(
      await command(['submit', '-', '--id', 'piped'], 'prompt,input_images\nhere,here.png\n'),
    ).toMatchObject({ code: 0 });
    await Promise.all([ended('beside'), ended('piped')]);
    for (const id of ['beside', 'piped']) {
      expect(JSON.parse((await command(['status', id, '--json'])).stdout)).toMatchObject({ stored: 1 });
    }
    expect(await keysOf('a place/inputs/images/')).toHaveLength(1);
  });

  it('from the web reports that objects are read with our credentials', async () => {
    const lines = `prompt,input_images\nours,s3://${engine.stack.s3.bucket}/refs/logo.png\n`;
    web.answerWith((_, response) => response.end(lines));
    const dry = await command(['submit', `${web.origin}/theirs.csv`, '--dry-run']);
    expect(dry).toMatchObject({ code: 0, stderr: expect.stringMatching(/1 s3:\/\/ object .*credentials/) });
  });

  it('is refused if the API cannot reach the bucket, unless it has only URLs', async () => {
    const lines = 'prompt,input_images\nhere,here.png\n';
    for (const dry of [['--dry-run'], []]) {
      expect(await faraway(['submit', '-', '--id', 'far', ...dry], lines)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/cannot reach the bucket at http:\/\/127.*http\(s\) URLs/),
      });
    }
    expect(await keysOf('far/')).toEqual([]);
    const urls = 'prompt,input_images\nthere,http://10.1.2.3/a.png\n';
    expect(await faraway(['submit', '-', '--id', 'far', '--dry-run'], urls)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('URLs on 10.1.2.3 point to this machine or a private network'),
    });
  });
});
