import { execFile, spawnSync } from 'node:child_process';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import {
  failuresKey,
  imagesPrefix,
  metadataKey,
  nearDuplicatesKey,
  rejectsKey,
  reportKey,
} from '../../../src/storage/layout.js';
import { batchWorkflowId, shardWorkflowId } from '../../../src/workflows/protocol/names.js';
import { readEvidence } from '../../support/batches/batch-evidence.js';
import { runCommand, type CommandResult } from '../../support/commands/command-line.js';
import { eventually } from '../../support/eventually.js';
import { loopbackCertificate } from '../../support/services/loopback-certificate.js';
import { isAvailable } from '../../support/setup/required.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { historyText } from '../../support/batches/history-text.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe('a sheet', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 100, max: 300 } } });
    await engine.startWorker();
  });
  afterAll(() => engine?.stop());

  const { command, write, ended, location, textAt } = submissionBench(() => engine);

  const metadataOf = async (batchId: string) =>
    (await textAt(batchId, metadataKey(location(batchId))))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  const promptsIn = async (batchId: string) => (await metadataOf(batchId)).map(({ prompt }) => prompt);

  it('is read from standard input, from the bucket, and as JSON Lines', async () => {
    expect(await command(['submit', '-', '--id', 'piped'], 'prompt\na pipe\n')).toMatchObject({ code: 0 });
    const key = 'sheets/lines.jsonl';
    const lines = '{"prompt":"a line","tags":{"a":[1,2]}}\n\n{"prompt":"another line"}\n';
    await engine.stack.s3.store.put({ bucket: engine.stack.s3.bucket, key }, Buffer.from(lines), {
      contentType: 'application/jsonl',
    });
    expect(await command(['submit', `s3://${engine.stack.s3.bucket}/${key}`])).toMatchObject({ code: 0 });
    await Promise.all([ended('piped'), ended('lines')]);
    expect(await metadataOf('lines')).toMatchObject([
      { prompt: 'a line', tags: { a: [1, 2] } },
      { prompt: 'another line' },
    ]);
  });

  it.runIf(isAvailable('openssl', hasOpenssl))(
    'is downloaded by https and unpacked, and only the name from its address is stored',
    async () => {
      const { key, cert, certPath } = await loopbackCertificate(engine.folder.path);
      const plain = 'http://127.0.0.1:9/content?sig=secret';
      const server = createServer({ key, cert }, (request, response) => {
        const isSheet = request.url === '/export?token=secret' || request.url === '/view?token=secret';
        if (request.url === '/view?token=secret')
          response.setHeader('content-disposition', 'inline; filename=nightly.csv.gz');
        if (isSheet) response.end(gzipSync('prompt;note\n"a star; two";x\na moon;\n'));
        else response.writeHead(302, { location: plain }).end();
      });
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      try {
        const fetched = (address: string): Promise<CommandResult> =>
          runCommand(['submit', `https://${host}${address}`], {
            cwd: engine.folder.path,
            variables: { ...engine.variables, NODE_EXTRA_CA_CERTS: certPath },
          });
        const [named, nameless, downgraded] = await Promise.all(
          ['/view?token=secret', '/export?token=secret', '/x.csv?token=secret'].map(fetched),
        );
        expect(named).toMatchObject({ code: 0 });
        expect(nameless).toMatchObject({ code: 2, stderr: expect.stringContaining('Add --id NAME') });
        expect(downgraded?.code).toBe(2);
        for (const result of [named, nameless, downgraded]) {
          expect(`${result?.stdout}${result?.stderr}`).not.toContain('secret');
        }
      } finally {
        server.close();
      }
      await ended('nightly');
      const { store, bucket } = engine.stack.s3;
      const texts = new Map<string, string>();
      for await (const { key: name } of store.list(bucket, 'nightly/')) {
        texts.set(name, await store.readText({ bucket, key: name }));
      }
      expect([...texts.keys()].filter((name) => name.endsWith('.csv.gz'))).toHaveLength(1);
      expect([...texts.values()].join('')).not.toMatch(new RegExp(`secret|${host}`));
      expect(texts.get('nightly/images/train/metadata.jsonl')).toContain('"prompt":"a star; two"');
    },
  );

  it('keeps labels of JSON Lines unchanged, also through a fixed failures.csv', async () => {
    const labels = { tags: ['x', { y: null }], big: 12345678901234567890n.toString(), size: 2.5, none: null };
    const line = { prompt: 'a [[refuse]] owl', ...labels, looks: '[1]' };
    const text = JSON.stringify(line).replace(`"${labels.big}"`, labels.big);
    await write('owls.jsonl', `{"prompt":"an owl","only":1}\n${text}\n`);
    expect(await command(['submit', 'owls.jsonl'])).toMatchObject({ code: 0 });
    await ended('owls');
    const failures = await textAt('owls', failuresKey(location('owls')));
    await write('failures.csv', failures.replace(' [[refuse]]', ''));
    expect(await command(['submit', 'failures.csv', '--id', 'owls', '--yes'])).toMatchObject({ code: 0 });
    await ended('owls');
    const metadata = (await textAt('owls', metadataKey(location('owls')))).trim().split('\n');
    const mended = JSON.parse(metadata[1] ?? '');
    expect(mended).toMatchObject({ ...labels, looks: '[1]' });
    expect(mended).not.toHaveProperty('only');
  });

  it('makes prompts from a template, several images per row, and uses defaults from flags', async () => {
    await write('fruit.csv', 'fruit;style\nbanana;oil\nplum;\nplum;ink\nplum;ink\n');
    const flags = [
      '--model',
      'nb2',
      '--aspect-ratio',
      '16:9',
      '--resolution',
      '2K',
      '--images-per-prompt',
      '2',
    ];
    const submit = (...more: string[]) =>
      command(['submit', 'fruit.csv', '--json', '--yes', ...flags, ...more]);
    const template = ['--template', 'a {{fruit}}, {{style|photo}}, {{one,two,three,four,five,six,seven}}'];
    expect(await submit('--template', 'a {{friut}}')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean "fruit"?'),
    });
    expect(await submit(...template, '--duplicates', 'fail')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('lines 4 and 5'),
    });
    const ahead = JSON.parse((await submit(...template, '--dry-run', '--show', '8')).stdout);
    expect(JSON.parse((await submit(...template)).stdout)).toMatchObject({ rows: 8, duplicates: 1 });
    await ended('fruit');
    const metadata = await metadataOf('fruit');
    const plum = { prompt: expect.stringMatching(/^a plum, ink, /), fruit: 'plum' };
    expect(metadata).toMatchObject([
      ...Array.from({ length: 2 }, () => ({
        prompt: expect.stringMatching(/^a banana, oil, /),
        model: 'nb2',
        aspect_ratio: '16:9',
        resolution: '2K',
      })),
      ...Array.from({ length: 2 }, () => ({ prompt: expect.stringMatching(/^a plum, photo, /), style: '' })),
      ...Array.from({ length: 4 }, () => plum),
    ]);
    expect(await promptsIn('fruit')).toEqual(
      ahead.first.map(({ body }: { body: { prompt: string } }) => body.prompt),
    );
    expect(new Set(metadata.map(({ file_name }) => file_name)).size).toBe(8);

    expect((await submit(...template)).stderr).toContain('Nothing to do');
    const otherSeed = JSON.parse((await submit(...template, '--seed', 'x', '--dry-run')).stdout);
    expect(otherSeed).toMatchObject({ new: 0, removed: 0 });
    expect(otherSeed.changed + otherSeed.unchanged).toBe(8);
    expect(otherSeed.changed).toBeGreaterThan(0);
    expect(JSON.parse((await submit(...template, '--duplicates', 'skip')).stdout)).toMatchObject({
      rows: 6,
      rejected: 0,
      duplicates: 1,
      new: 0,
      changed: 0,
      unchanged: 6,
      removed: 2,
    });
    await ended('fruit');
    expect(await metadataOf('fruit')).toEqual(metadata.slice(0, 6));
  });

  it('has its images compared even if that is requested later, without buying anything', async () => {
    await write('twins.csv', 'id,prompt\na,the same scene: 1\nb,the same scene: I\n');
    await command(['submit', 'twins.csv']);
    await ended('twins');
    const jobs = engine.sandbox.stats().jobsMade;
    const again = ['submit', 'twins.csv', '--near-duplicates'];
    expect((await command(again)).stderr).toContain('Nothing to buy');
    await ended('twins');
    expect(await textAt('twins', nearDuplicatesKey(location('twins')))).toContain(
      'group,id,file_name,distance',
    );
    expect((await command(again)).stderr).toContain('Nothing to do');
    expect(engine.sandbox.stats().jobsMade).toBe(jobs);
    // A setting stays until it is revoked.
    const compared = async (...flags: readonly string[]): Promise<boolean> => {
      const { code, stderr } = await command(['submit', 'twins.csv', '--yes', ...flags]);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      await ended('twins');
      return 'nearDuplicates' in JSON.parse(await textAt('twins', reportKey(location('twins'))));
    };
    await write('twins.csv', 'id,prompt\na,the same scene: 1\nb,the same scene: I\nc,the same scene: l\n');
    expect(await compared()).toBe(true);
    await write('twins.csv', 'id,prompt\na,the same scene: 1\nb,the same scene: I\n');
    expect(await compared('--no-near-duplicates')).toBe(false);
  });

  it('lists failed rows and rejected lines in files that can be submitted again', async () => {
    await write(
      'mixed.csv',
      'id;prompt;model;shelf\ngood;a fox;;"a;b"\nbad;a cat [[refuse]];;c\nodd;a dog;dall-e;d\n',
    );
    const jobs = engine.sandbox.stats().jobsMade;
    const run = await command(['submit', 'mixed.csv']);
    expect(run.stderr).toContain('line 4, model "dall-e"');
    await ended('mixed');
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(2);
    expect(await command(['status', 'mixed', '--json'])).toMatchObject({ code: 1 });
    const rejects = await textAt('mixed', rejectsKey(location('mixed')));
    expect(rejects).toContain('odd;a dog;dall-e;d;4;model;dall-e;');
    const failures = await textAt('mixed', failuresKey(location('mixed')));
    expect(failures).toMatch(/^\uFEFFid;prompt;model;aspect_ratio;resolution;count;shelf;failure_kind;/);

    await write('failures.csv', failures.replace(' [[refuse]]', ''));
    const mended = await command(['submit', 'failures.csv', '--id', 'mixed', '--yes', '--json']);
    expect(JSON.parse(mended.stdout)).toMatchObject({ runSeq: 2, rows: 1, changed: 1, removed: 0, kept: 1 });
    await ended('mixed');
    expect(await promptsIn('mixed')).toEqual(['a fox', 'a cat']);
    expect(await textAt('mixed', rejectsKey(location('mixed')))).toBe(rejects);

    await write('rejects.csv', rejects.replace(';dall-e;', ';nb2;'));
    const joined = await command(['submit', 'rejects.csv', '--id', 'mixed', '--json']);
    expect(JSON.parse(joined.stdout)).toMatchObject({ runSeq: 3, rows: 1, new: 1, kept: 2 });
    await ended('mixed');
    expect(await promptsIn('mixed')).toEqual(['a fox', 'a cat', 'a dog']);
    expect(await command(['status', 'mixed', '--json'])).toMatchObject({ code: 0 });
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(4);
    // Rows may come from another sheet, too, with --merge.
    await write('more.csv', 'id,prompt,shelf\nnext,a newt,e\n');
    const more = await command(['submit', 'more.csv', '--id', 'mixed', '--merge', '--json', '--dry-run']);
    expect(JSON.parse(more.stdout)).toMatchObject({ new: 1, kept: 3, removed: 0 });
  });

  it('dry-run shows what would be made, where, how long and at what cost, and changes nothing', async () => {
    await write('plan.csv', 'id,prompt,model\nfirst,one,\n,two,nb\n');
    const variables = { BANANA_PRICES: '{"pro":{"1K":"0.039"}}' };
    const many = ['--images-per-prompt', '200', '--canary', '4'];
    const bare = await runCommand(['run', 'plan.csv', '--dry-run', '--json', ...many], {
      cwd: engine.folder.path,
      variables,
    });
    expect(JSON.parse(bare.stdout)).toMatchObject({
      location: null,
      rows: 400,
      seconds: [32, 100],
      canary: [
        expect.stringMatching(/^first/),
        expect.stringMatching(/^first/),
        expect.stringMatching(/^two-/),
        expect.stringMatching(/^two-/),
      ],
    });
    expect(bare.stderr).toContain('Canary     4 of 400 rows first, then the batch waits');
    const { code, stdout, stderr } = await runCommand(['submit', 'plan.csv', '--dry-run', '--json'], {
      cwd: engine.folder.path,
      variables: { ...engine.variables, ...variables },
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      batchId: 'plan',
      rows: 2,
      new: 2,
      location: expect.stringMatching(/^s3:.*\/plan\/$/),
      buys: [
        { model: 'nb', resolution: '1K', images: 1, price: null },
        { model: 'pro', resolution: '1K', images: 1, price: '0.039' },
      ],
      seconds: [8, 25],
      measuredByRun: null,
      cost: { total: '0.039', unpriced: [{ model: 'nb', images: 1 }] },
      first: [
        {
          rowId: 'first',
          imageName: 'first',
          endpoint: '/text-generations',
          body: { prompt: 'one', aspect_ratio: '1:1', resolution: '1K' },
        },
        { line: 3, endpoint: '/nb/text-generations', body: { prompt: 'two', aspect_ratio: '1:1' } },
      ],
    });
    for (const line of [
      /^Images {5}s3:\/\/.*\/plan\/images\/train\/$/m,
      /^Buys {7}1 nb 1K, 1 pro 1K$/m,
      /^Time {7}8s – 25s with 100 jobs in flight, if a job takes 8–25 s, the usual time/m,
      /^Cost {7}0\.039 by BANANA_PRICES, not counting .*\n {11}and more: .* no price for 1 nb 1K$/m,
      /^Row {8}first \(line 2\) → first\.png, .*\n {11}pro: POST \/text-generations \{"prompt":"one",/m,
      /nothing was uploaded, started or bought/,
    ]) {
      expect(stderr).toMatch(line);
    }
    for await (const { key } of engine.stack.s3.store.list(engine.stack.s3.bucket, 'plan/')) {
      throw new Error(`${key} was written`);
    }
    const submitted = await runCommand(['submit', 'plan.csv'], {
      cwd: engine.folder.path,
      variables: { ...engine.variables, ...variables },
    });
    expect(submitted.stderr).toMatch(/^Cost {7}0\.039 by BANANA_PRICES/m);
    await ended('plan');
  });

  it('when cancelled buys nothing more, keeps images in flight, and lists the rest', async () => {
    const rows = Array.from({ length: 60 }, (_, row) => `lap ${row}`).join('\n');
    await write('laps.csv', `prompt\n${rows}\n`);
    const jobs = engine.sandbox.stats().jobsMade;
    await command(['submit', 'laps.csv', '--concurrency', '4']);
    await eventually(() => engine.sandbox.stats().jobsMade - jobs > 8, { what: 'eight jobs are made' });
    expect(await command(['cancel', 'laps'])).toMatchObject({ code: 0 });
    await ended('laps');
    const { report, outcomes } = await readEvidence(engine.stack.s3.store, location('laps'));
    const bought = engine.sandbox.stats().jobsMade - jobs;
    expect(report).toMatchObject({
      state: 'cancelled',
      tally: { total: 60, stored: bought, cancelled: 60 - bought },
    });
    expect(
      outcomes
        .filter(({ end }) => end.kind === 'cancelled')
        .every(({ generations }) => generations.length === 0),
    ).toBe(true);

    // The same sheet again makes what is missing, and only that.
    await command(['submit', 'laps.csv', '--yes']);
    await ended('laps');
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(60);
  });

  it('is started by the starter alone', async () => {
    await write('starter.csv', 'prompt\na start\n');
    const starter = path.resolve(import.meta.dirname, '../../../src/starter.ts');
    const { PATH = '', HOME = '' } = process.env;
    const tsx = path.resolve(import.meta.dirname, '../../../node_modules/.bin/tsx');
    const { stderr } = await promisify(execFile)(tsx, [starter, 'starter.csv'], {
      cwd: engine.folder.path,
      env: { PATH, HOME, ...engine.variables },
    });
    expect(stderr).toContain('Started.');
    await ended('starter');
  });

  it('leaves no prompt, row id, URL or key in history or logs', async () => {
    await write(
      'secret.csv',
      'id,prompt\nrow-of-gold,"a very private prompt"\nrow-of-tin,another private prompt [[refuse]]\nrow-of-lead,private and wrong [[invalid]]\n',
    );
    await command(['submit', 'secret.csv']);
    await ended('secret');
    const { client } = engine.stack.temporal;
    const batchId = 'secret' as BatchId;
    for (const workflowId of [batchWorkflowId(batchId), shardWorkflowId({ batchId, runSeq: 1 }, 0)]) {
      const decoded = await historyText(client.workflow.getHandle(workflowId));
      for (const secret of [
        'private',
        'row-of',
        'http://',
        engine.variables['BANANAHUB_API_KEY'] ?? '',
        'sig=',
      ]) {
        expect(decoded).not.toContain(secret);
      }
    }
    const worker = engine.workers.map((one) => one.output().stderr).join('');
    for (const secret of ['private', 'sig=', engine.variables['BANANAHUB_API_KEY'] ?? '']) {
      expect(worker).not.toContain(secret);
    }
  });

  it('gives its images safe names for any ids', async () => {
    await write('names.csv', 'id,prompt\n"a/b c%.png",one\n日本,two\n');
    await command(['submit', 'names.csv']);
    await ended('names');
    const names: string[] = [];
    for await (const { key } of engine.stack.s3.store.list(
      engine.stack.s3.bucket,
      imagesPrefix(location('names')),
    )) {
      names.push(path.posix.basename(key));
    }
    expect(names).toEqual(expect.arrayContaining(['a%2Fb%20c%25%2Epng.png', '%E6%97%A5%E6%9C%AC.png']));
  });
});
