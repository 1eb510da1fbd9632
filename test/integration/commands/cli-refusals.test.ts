import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runInProcess } from '../../support/commands/command-in-process.js';
import { runCommand, type CommandResult, type Variables } from '../../support/commands/command-line.js';
import { eventually } from '../../support/eventually.js';
import { s3Error, startOddStore, type Oddity, type OddStore } from '../../support/services/odd-store.js';
import { startScriptedServer } from '../../support/services/scripted-server.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const SHEET = 'prompt\na yellow submarine\n';
const CLI = path.resolve(import.meta.dirname, '../../../dist/cli.js');
/** Nothing listens there. */
const NOWHERE = '127.0.0.1:9';

describe('the command line refuses with exit code 2, one line and no stack trace', () => {
  let engine: TestEngine;
  let folder: TemporaryFolder;
  let variables: Variables;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: {} });
    ({ folder, variables } = engine);
    await writeFile(path.join(folder.path, 'good.csv'), SHEET);
  });
  afterAll(() => engine?.stop());

  /**
   * The last line of a refusal: what the person must do. Fails unless the command exited with 2, quickly, without a
   * stack trace.
   */
  async function refusal(
    args: readonly string[],
    options: Partial<Parameters<typeof runInProcess>[1]> & {
      readonly uid?: number;
      readonly apart?: boolean;
    } = {},
  ): Promise<string> {
    const startedAtMs = performance.now();
    // A worker, and another user, need separate processes.
    const isProcess = args[0] === 'worker' || options.uid !== undefined || options.apart === true;
    const run = isProcess ? runCommand : runInProcess;
    const result: CommandResult = await run(args, { cwd: folder.path, variables, ...options });
    expect(result.code).toBe(2);
    expect(result.stdout).toBe('');
    expect(result.stderr).not.toMatch(/\n\s+at |node:internal|unforeseen/);
    expect(performance.now() - startedAtMs).toBeLessThan(25_000);
    return result.stderr.trim().split('\n').at(-1) ?? '';
  }

  async function sheetRefusal(name: string, content: Buffer | string, ...flags: string[]): Promise<string> {
    await writeFile(path.join(folder.path, name), content);
    return refusal(['submit', name, ...flags]);
  }

  it('a missing file', async () => {
    expect(await refusal(['submit', 'nope.csv'])).toBe(
      'nope.csv does not exist. Check the path, or try: banana-batch run examples/prompts.csv',
    );
  });

  it('a folder instead of a file', async () => {
    await mkdir(path.join(folder.path, 'folder'), { recursive: true });
    expect(await refusal(['run', 'folder'])).toContain('is a folder; name a sheet in it');
  });

  it('an unreadable file', async () => {
    const file = path.join(folder.path, 'secret.csv');
    await writeFile(file, SHEET);
    await chmod(file, 0);
    // The superuser may read every file: another user must try.
    const uid = process.getuid?.() === 0 ? 65_534 : undefined;
    expect(
      await refusal(['run', file], {
        cwd: tmpdir(),
        variables: { ...variables, HOME: tmpdir() },
        ...(uid && { uid }),
      }),
    ).toContain('may not be read by this user');
  });

  it('a missing object', async () => {
    expect(await refusal(['submit', `s3://${engine.stack.s3.bucket}/nope.csv`])).toMatch(/nope\.csv/);
  });

  it('an invalid address, without its secrets', async () => {
    for (const [address, expected] of [
      ['https://me:hush@127.0.0.1:9/sheet.csv?token=hush', 'https://127.0.0.1:9/sheet.csv: its host refuses'],
      ['https://[?token=hush', 'https://[ is not an address'],
      ['ftp://me:hush@host/sheet.csv', 'ftp://host/sheet.csv: sheets can be read from'],
    ] as const) {
      const line = await refusal(['submit', address]);
      expect(line).toContain(expected);
      expect(line).not.toContain('hush');
    }
  });

  it('a redirect into a private network, but not the address itself', async () => {
    const [typed, inner] = await Promise.all([startScriptedServer(), startScriptedServer()]);
    try {
      inner.answerWith((_, response) => response.writeHead(200).end(SHEET));
      for (const target of [inner.origin, 'http://169.254.169.254']) {
        typed.answerWith((_, response) =>
          response.writeHead(302, { location: `${target}/latest/?token=hush` }).end(),
        );
        const line = await refusal(['submit', `${typed.origin}/sheet.csv`]);
        expect(line).toContain(
          `${typed.origin}/sheet.csv: it leads to ${new URL(target).hostname}, an address`,
        );
        expect(line).not.toContain('hush');
      }
      expect(inner.seen).toHaveLength(0);
      const own = await runInProcess(['submit', `${inner.origin}/sheet.csv`, '--dry-run'], {
        cwd: folder.path,
        variables,
      });
      expect(own).toMatchObject({ code: 0, stderr: expect.stringContaining('1 image') });
    } finally {
      await Promise.all([typed.close(), inner.close()]);
    }
  });

  it('a truncated gzip file', async () => {
    expect(await sheetRefusal('cut.csv.gz', gzipSync(SHEET.repeat(99)).subarray(0, 40))).toContain(
      'cut short',
    );
  });

  it('a sheet without a prompt column, naming the columns and the flag', async () => {
    const line = await sheetRefusal('caption.csv', 'Caption,Style\na fox,photo\n');
    expect(line).toContain('"Caption"');
    expect(line).toContain('--map prompt=');
  });

  it('an unclosed quote, with the line on which it opens', async () => {
    const line = await sheetRefusal('quote.csv', 'prompt\nfine\n"never closed\nfine again\n');
    expect(line).toContain('line 3');
    expect(line).toMatch(/quote/);
  });

  it('text in another encoding, with the flag', async () => {
    const line = await sheetRefusal('latin.csv', Buffer.from('prompt\nein K\xe4fer\n', 'latin1'));
    expect(line).toContain('--encoding windows-1252');
  });

  it('a sheet without rows', async () => {
    expect(await sheetRefusal('empty.csv', '')).toContain('it has no rows');
    expect(await sheetRefusal('header.csv', 'prompt\n')).toContain('it has no rows');
  });

  it('a sheet whose rows are all rejected', async () => {
    const line = await sheetRefusal('rejected.csv', 'prompt,model\na fox,unknown\n');
    expect(line).toContain('Every row of the sheet is rejected');
  });

  it('a rejected row under --strict', async () => {
    const line = await sheetRefusal('strict.csv', 'prompt,model\na fox,pro\na cat,unknown\n', '--strict');
    expect(line).toContain('--strict');
  });

  it('standard input without an id', async () => {
    expect(await refusal(['submit', '-'], { input: SHEET })).toContain('Add --id NAME');
  });

  it('an unknown command, with a suggestion', async () => {
    expect(await refusal(['staus', 'x'])).toContain('Did you mean status?');
  });

  it('an unknown flag, with a suggestion', async () => {
    expect(await refusal(['submit', 'good.csv', '--concurency', '5'])).toContain(
      'Did you mean --concurrency?',
    );
  });

  it.each([
    [['--concurrency', 'many'], 'Expected a whole number from 1 to 10000'],
    [['--concurrency', '0'], 'Expected a whole number from 1 to 10000'],
    [['--model', 'dall-e'], 'Expected nb, nb2 or pro'],
    [['--aspect-ratio', '2:2'], 'Allowed choices are'],
    [['--job-timeout', 'soon'], 'Expected a duration such as'],
    [['--map', 'prompt'], 'Expected OURS=THEIRS'],
    [['--map', 'colour=Caption'], '"colour" is not one of our columns'],
    [['--id', 'No Such Id!'], 'Expected lower-case letters'],
    [['--delimiter', ';;'], 'Expected one character'],
    [['--encoding', 'klingon'], 'klingon'],
  ])('an invalid option value: %j', async (flags, expected) => {
    expect(await refusal(['submit', 'good.csv', ...flags])).toContain(expected);
  });

  it('a missing argument', async () => {
    expect(await refusal(['submit'])).toContain("missing required argument 'sheet'");
  });

  it('a missing configuration, with all missing parts and how to continue', async () => {
    const line = await refusal(['worker'], { variables: {} });
    expect(line).toContain('TEMPORAL_ADDRESS');
    expect(line).toContain('BANANA_BUCKET');
    expect(line).toContain('BANANAHUB_API_KEY');
    expect(line).toContain('npx banana-batch dev');
  });

  it('a worker without a key', async () => {
    const { BANANAHUB_API_KEY: _, ...without } = variables;
    expect(await refusal(['worker'], { variables: without })).toMatch(
      /^No API key is configured: set BANANAHUB_API_KEY or BANANAHUB_API_KEY_FILE\./,
    );
  });

  it('several invalid variables, all at once', async () => {
    const line = await refusal(['worker'], {
      variables: {
        ...variables,
        BANANA_BUCKET: 's3://mine/',
        BANANA_PREFIX: 'a//b',
        BANANAHUB_BASE_URL: 'nowhere',
      },
    });
    expect(line).toContain('BANANA_BUCKET');
    expect(line).toContain('BANANA_PREFIX');
    expect(line).toContain('BANANAHUB_BASE_URL');
  });

  it.each(['submit', 'worker'])('Temporal that does not answer: %s', async (command) => {
    const line = await refusal(command === 'submit' ? ['submit', 'good.csv'] : ['worker'], {
      variables: { ...variables, TEMPORAL_ADDRESS: NOWHERE },
    });
    expect(line).toContain(`Temporal at ${NOWHERE}`);
    expect(line).toContain('does not answer');
  });

  it.each(['submit', 'worker'])('a namespace that does not exist: %s', async (command) => {
    const line = await refusal(command === 'submit' ? ['submit', 'good.csv', '--yes'] : ['worker'], {
      variables: { ...variables, TEMPORAL_NAMESPACE: 'not-there' },
    });
    expect(line).toContain('namespace "not-there"');
    expect(line).toContain('TEMPORAL_NAMESPACE');
  });

  it.each(['submit', 'worker'])('a bucket server that does not answer: %s', async (command) => {
    const args = {
      submit: ['submit', 'good.csv'],
      worker: ['worker'],
    }[command];
    const line = await refusal(args ?? [], {
      variables: { ...variables, AWS_ENDPOINT_URL_S3: `http://${NOWHERE}` },
    });
    expect(line).toContain(variables['BANANA_BUCKET']);
    expect(line).toMatch(/unreachable|reach|answer|refused/i);
  });

  it('a bucket that does not exist', async () => {
    const line = await refusal(['submit', 'good.csv'], {
      variables: { ...variables, BANANA_BUCKET: 'not-there' },
    });
    expect(line).toContain('not-there');
    expect(line).toMatch(/not exist|create/i);
  });

  it('a wrong secret', async () => {
    const line = await refusal(['submit', 'good.csv'], {
      variables: { ...variables, AWS_SECRET_ACCESS_KEY: 'wrong-wrong-wrong' },
    });
    expect(line).toMatch(/AWS_SECRET_ACCESS_KEY|secret|credentials/i);
    expect(line).not.toContain('wrong-wrong-wrong');
  });

  async function removeAll(prefix: string): Promise<void> {
    const { store, bucket } = engine.stack.s3;
    for await (const { key } of store.list(bucket, prefix)) await store.delete({ bucket, key });
  }

  /** Ignores the condition of puts, and refuses deletes. */
  function ignoring(header: 'if-none-match' | 'if-match'): Oddity {
    return {
      answer: async ({ method, path: at, headers, body }) => {
        if (method === 'DELETE') return s3Error(403, 'AccessDenied');
        if (method !== 'PUT' || headers[header] === undefined) return undefined;
        const { store, bucket } = engine.stack.s3;
        const { etag } = await store.put({ bucket, key: at.slice(bucket.length + 2) }, body, {
          contentType: headers['content-type'] ?? '',
        });
        return { status: 200, headers: { etag } };
      },
    };
  }

  describe('a bucket that accepts conditional puts and ignores their conditions', () => {
    let odd: OddStore;
    let oddVariables: Variables;
    beforeAll(async () => {
      odd = await startOddStore(engine.stack.s3.endpoint);
      oddVariables = { ...variables, BANANA_PREFIX: 'odd/', AWS_ENDPOINT_URL_S3: odd.endpoint };
    });
    afterAll(() => odd?.close());
    beforeEach(() => removeAll('odd/'));
    afterAll(() => removeAll('odd/'));

    it.each([
      ['if-none-match', /A conditional put \(If-None-Match\) overwrote an existing object/],
      ['if-match', /A conditional put \(If-Match\) overwrote another version/],
    ] as const)('by %s: submit, run and worker', async (header, expected) => {
      odd.setOddity(ignoring(header));
      for (const args of [['submit', 'good.csv'], ['run', 'good.csv', '--yes'], ['worker']]) {
        const line = await refusal(args, { variables: oddVariables, apart: args[0] === 'run' });
        expect(line).toMatch(expected);
        expect(line).toContain('Use a server with conditional puts');
      }
      expect(odd.seen.filter(({ path: at }) => at.includes('/runs/') || at.includes('/inputs/'))).toEqual([]);
    });

    it('and reports it if the server does not know them', async () => {
      odd.setOddity({
        answer: ({ headers }) =>
          headers['if-none-match'] === undefined ? undefined : s3Error(501, 'NotImplemented'),
      });
      expect(await refusal(['submit', 'good.csv'], { variables: oddVariables })).toMatch(
        /refuses a conditional put: .*501 NotImplemented.*Use a server/,
      );
    });
  });

  it('an unknown batch, with the command that lists batches', async () => {
    for (const args of [
      ['status', 'nobody'],
      ['cancel', 'nobody'],
      ['failures', 'nobody'],
      ['row', 'nobody', 'x'],
    ]) {
      expect(await refusal(args)).toContain('banana-batch list');
    }
  });

  it('without starting or writing anything', async () => {
    const objects: string[] = [];
    for await (const { key } of engine.stack.s3.store.list(engine.stack.s3.bucket, '')) objects.push(key);
    expect(objects).toEqual([]);
    const { count } = await engine.stack.temporal.client.workflow.count();
    expect(count).toBe(0);
  });
});

describe('the command line is interrupted', () => {
  it('while reading a large sheet, and deletes its copy', async () => {
    const folder = await temporaryFolder();
    try {
      const [cwd, temporary] = [path.join(folder.path, 'cwd'), path.join(folder.path, 'tmp')];
      await Promise.all([mkdir(cwd), mkdir(temporary)]);
      // It takes seconds to read.
      const rows = Array.from({ length: 500_000 }, (_, row) => `fox number ${row},photo\n`);
      await writeFile(
        path.join(cwd, 'large.csv.gz'),
        gzipSync(`prompt,style\n${rows.join('')}`, { level: 1 }),
      );
      const child = spawn(process.execPath, [CLI, 'submit', 'large.csv.gz', '--dry-run'], {
        cwd,
        env: { PATH: process.env['PATH'], TMPDIR: temporary },
        stdio: 'ignore',
      });
      const ended = once(child, 'close');
      await eventually(async () => (await readdir(temporary, { recursive: true })).length === 2, {
        what: 'the sheet is copied',
        withinMs: 60_000,
      });
      child.kill('SIGINT');
      expect((await ended)[0]).toBe(130);
      expect(await readdir(temporary)).toEqual([]);
    } finally {
      await folder.remove();
    }
  });
});

describe('the command line', () => {
  it('exits quietly when the reader closes the pipe', async () => {
    const child = spawn(process.execPath, [CLI, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const errorOutput: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => errorOutput.push(chunk));
    const [code] = await once(child, 'close');
    expect(Buffer.concat(errorOutput).toString()).toBe('');
    expect(code).toBe(0);
  });

  it('shows every command in --help, and an example in the help of each', async () => {
    const folder = await temporaryFolder();
    try {
      const { code, stdout } = await runCommand(['--help'], { cwd: folder.path });
      expect(code).toBe(0);
      const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
      expect(commands).toEqual(
        expect.arrayContaining([
          'run',
          'submit',
          'status',
          'list',
          'failures',
          'row',
          'doctor',
          'cancel',
          'dev',
          'worker',
          'sandbox',
        ]),
      );
      for (const command of commands) {
        const help = await runInProcess([command ?? '', '--help'], { cwd: folder.path, variables: {} });
        expect(help.code).toBe(0);
        expect(help.stdout).toContain(`$ banana-batch ${command}`);
      }
    } finally {
      await folder.remove();
    }
  });
});
