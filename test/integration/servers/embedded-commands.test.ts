import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { processesOfFolder } from '../../support/stack/processes-of-folder.js';
import type { RunningCommand } from '../../support/commands/command-line.js';
import { embeddedFolder, type EmbeddedFolder } from '../../support/stack/embedded-folder.js';
import { eventually } from '../../support/eventually.js';

const PNG_SIGNATURE = '89504e470d0a1a0a';

const Status = z.looseObject({ state: z.string(), total: z.int(), stored: z.int(), failed: z.int() });
const Listed = z.looseObject({
  batches: z.array(z.looseObject({ batchId: z.string(), state: z.string(), stored: z.int() })),
});
const Story = z.looseObject({ phase: z.string(), image: z.looseObject({ present: z.boolean() }) });

/** Rows `row-0`, `row-1` and so on. */
function sheet(...prompts: readonly string[]): string {
  return `id,prompt\n${prompts.map((prompt, row) => `row-${row},${prompt}\n`).join('')}`;
}

describe('run without any configuration', () => {
  let folder: EmbeddedFolder;
  beforeAll(async () => {
    folder = await embeddedFolder();
    await folder.copyExample('prompts.csv');
  });
  afterAll(() => folder?.remove());

  it(
    'makes every image of the example sheet, prints where they are, and leaves no process',
    { timeout: 240_000 },
    async () => {
      const { code, stdout, stderr } = await folder.run(['run', 'prompts.csv']);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stderr).toContain('sandbox: drawings, free of charge');
      const images = await folder.images('prompts');
      expect(images.length).toBeGreaterThanOrEqual(20);
      expect(stdout).toContain(`Done: ${images.length} of ${images.length} images stored.`);
      expect(stdout).toMatch(/^Images +\.banana-batch\/s3\/banana-batch\/prompts\/images\/train\/$/m);
      expect(stdout).toMatch(/^Page +\.banana-batch\/s3\/banana-batch\/prompts\/contact-sheet\.html$/m);
      for (const name of images) {
        const image = await readFile(path.join(folder.batch('prompts'), 'images/train', name));
        expect(image.subarray(0, 8).toString('hex')).toBe(PNG_SIGNATURE);
      }
      expect(await folder.jobs()).toHaveLength(images.length);
      await folder.hasNoProcess();
    },
  );

  it('writes a contact sheet with every image', async () => {
    const page = await readFile(path.join(folder.batch('prompts'), 'contact-sheet.html'), 'utf8');
    const sources = [...page.matchAll(/<img src="([^"]+)"/g)].map(([, source = '']) => source);
    expect(sources).toHaveLength((await folder.images('prompts')).length);
    const missing = sources.filter(
      (source) => !existsSync(path.join(folder.batch('prompts'), decodeURIComponent(source))),
    );
    expect(missing).toEqual([]);
  });

  it('buys nothing when repeated, and says so', { timeout: 240_000 }, async () => {
    const before = await folder.jobs();
    const { code, stderr } = await folder.run(['run', 'prompts.csv']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('Nothing to do: every row of the sheet is already done.');
    expect(await folder.jobs()).toEqual(before);
    await folder.hasNoProcess();
  });

  it('leaves everything that other commands need, with nothing running', { timeout: 240_000 }, async () => {
    const look = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await folder.runHere(args);
      expect({ args, code, stderr }).toMatchObject({ code: 0 });
      return stdout;
    };
    const { length } = await folder.images('prompts');
    const status = Status.parse(JSON.parse(await look('status', 'prompts', '--json')));
    expect(status).toMatchObject({ state: 'completed', total: length, stored: length, failed: 0 });
    const { batches } = Listed.parse(JSON.parse(await look('list', '--json')));
    expect(batches).toMatchObject([{ batchId: 'prompts', state: 'completed', stored: length }]);
    await look('failures', 'prompts');
    const story = Story.parse(JSON.parse(await look('row', 'prompts', 'lighthouse-keeper', '--json')));
    expect(story).toMatchObject({ phase: 'stored', image: { present: true } });
    expect(await look('verify', 'prompts', '--deep')).toContain(': no difference.');
    expect(await look('doctor')).toMatch(/^ok +bucket +The local bucket of this folder is not running/m);
    await folder.hasNoProcess();
  });

  it(
    'leaves unused images of removed rows to prune, with nothing running',
    { timeout: 240_000 },
    async () => {
      const before = await folder.images('prompts');
      await folder.write('prompts.csv', sheet('one bird'));
      expect(await folder.run(['run', 'prompts.csv', '--yes'])).toMatchObject({ code: 0 });
      const left = await folder.runHere(['verify', 'prompts']);
      expect(left.code).toBe(1);
      expect(left.stdout).toContain(`: ${before.length} differences (${before.length} orphan-image).`);
      expect(left.stderr).toContain('banana-batch prune prompts');
      expect(await folder.runHere(['prune', 'prompts', '--yes'])).toMatchObject({ code: 0 });
      expect(await folder.images('prompts')).toEqual(['row-0.png']);
      expect(await folder.runHere(['verify', 'prompts'])).toMatchObject({ code: 0 });
      await folder.hasNoProcess();
    },
  );
});

describe('an incomplete run', () => {
  const ROWS = 24;
  const SHEET = sheet(...Array.from({ length: ROWS }, (_, row) => `a lighthouse number ${row}`));
  const ARGS = ['run', 'lights.csv', '--concurrency', '8'];

  /** Calls `end` with a run of which some images are stored and most are not. */
  async function withHalfARun(
    end: (folder: EmbeddedFolder, run: RunningCommand) => Promise<void>,
  ): Promise<void> {
    const folder = await embeddedFolder();
    try {
      await folder.write('lights.csv', SHEET);
      const run = await folder.start(ARGS, 'Batch ');
      const stored = async (): Promise<boolean> => (await folder.images('lights')).length >= 4;
      await eventually(stored, { what: 'some images are stored', withinMs: 30_000 });
      await end(folder, run);
      // Otherwise the run had finished, and the test checks nothing.
      expect((await folder.images('lights')).length).toBeLessThan(ROWS);
      expect((await folder.jobs()).length).toBeLessThan(ROWS);
      await expectToGoOn(folder);
    } finally {
      await folder.remove();
    }
  }

  async function expectToGoOn(folder: EmbeddedFolder): Promise<void> {
    const { code, stdout, stderr } = await folder.run(ARGS, 90_000);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('Continuing batch "lights".');
    expect(stdout).toContain(`Done: ${ROWS} of ${ROWS} images stored.`);
    const names = Array.from({ length: ROWS }, (_, row) => `row-${row}.png`);
    expect((await folder.images('lights')).toSorted()).toEqual(names.toSorted());
    const jobs = await folder.jobs();
    expect(jobs).toHaveLength(ROWS);
    expect(new Set(jobs.map(({ prompt }) => prompt)).size).toBe(ROWS);
    await folder.hasNoProcess();
  }

  it('that was interrupted loses nothing, and continues when repeated', { timeout: 240_000 }, async () => {
    await withHalfARun(async (folder, run) => {
      const interruptedAtMs = performance.now();
      expect(await run.end('SIGINT')).toBe(130);
      expect(performance.now() - interruptedAtMs).toBeLessThan(30_000);
      const { stderr } = run.output();
      expect(stderr).toContain('Detached. "lights"');
      expect(stderr).toContain('this command was its only worker');
      await folder.hasNoProcess();
      // With nothing running the status is available, even to two commands at once.
      const looks = await Promise.all([folder.run(['status', 'lights', '--json']), folder.run(['list'])]);
      expect(looks).toMatchObject([{ code: 0 }, { code: 0 }]);
      const status = JSON.parse(looks[0]?.stdout ?? '');
      expect(status).toMatchObject({ total: ROWS, runSeq: 1 });
      expect(status.reason).toContain('banana-batch retry lights');
      await folder.hasNoProcess();
    });
  });

  it(
    'that was killed takes its servers with it, loses nothing, and continues when repeated',
    { timeout: 240_000 },
    async () => {
      await withHalfARun(async (folder, run) => {
        expect(await run.end('SIGKILL')).toBe(null);
        await folder.hasNoProcess(3_000);
      });
    },
  );
});

describe('retry without any configuration', () => {
  let folder: EmbeddedFolder;
  beforeAll(async () => {
    folder = await embeddedFolder();
  });
  afterAll(() => folder?.remove());

  it('says that a folder has no batch, and starts nothing', async () => {
    const { code, stderr } = await folder.runHere(['retry', 'nowhere']);
    expect({ code, stderr }).toMatchObject({ code: 2 });
    expect(stderr).toContain('There is no batch "nowhere" in this folder.');
    expect(existsSync(path.join(folder.path, '.banana-batch'))).toBe(false);
  });

  it('starts what it needs, makes what is missing, and leaves no process', { timeout: 240_000 }, async () => {
    await folder.write('shy.csv', sheet('a bold bird', 'a shy bird [[flaky]]'));
    expect(await folder.run(['run', 'shy.csv', '--max-generations', '1'])).toMatchObject({ code: 1 });
    const dry = await folder.runHere(['retry', 'shy', '--dry-run', '--json']);
    expect(dry).toMatchObject({ code: 0 });
    expect(JSON.parse(dry.stdout)).toMatchObject({ again: 1, againByKind: { flaky: 1 } });
    const { code, stdout, stderr } = await folder.run(['retry', 'shy']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain('Done: 2 of 2 images stored.');
    expect(await folder.jobs()).toHaveLength(3);
    await folder.hasNoProcess();
  });
});

describe('dev', () => {
  let folder: EmbeddedFolder;
  let dev: RunningCommand;
  beforeAll(async () => {
    folder = await embeddedFolder();
    dev = await folder.start(['dev'], 'Ready.');
    await folder.write('submitted.csv', sheet('a red kite', 'a blue kite', 'a green kite'));
    await folder.write('other.csv', sheet('a red boat', 'a blue boat'));
    await folder.write('refused.csv', sheet('a red car', 'a blue car [[refuse]]'));
  });
  afterAll(() => folder?.remove());

  it('is found by doctor, which reports no problem', async () => {
    const { code, stdout, stderr } = await folder.runHere(['doctor']);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
  });

  it('processes submitted batches until status --watch sees their end', async () => {
    const submitted = await folder.run(['submit', 'submitted.csv', '--json']);
    expect(submitted).toMatchObject({ code: 0 });
    expect(JSON.parse(submitted.stdout)).toMatchObject({ batchId: 'submitted', runSeq: 1, rows: 3, new: 3 });
    const watched = await folder.runHere(['status', 'submitted', '--watch', '--json']);
    expect(watched).toMatchObject({ code: 0 });
    expect(JSON.parse(watched.stdout)).toMatchObject({ state: 'completed', total: 3, stored: 3 });
    expect(await folder.images('submitted')).toHaveLength(3);
  });

  it('refuses to start a second time in the same folder, and names the running process', async () => {
    const { code, stderr } = await folder.run(['dev'], 90_000);
    expect(code).toBe(2);
    expect(stderr).toContain(`pid ${dev.pid}`);
    expect(stderr).not.toMatch(/\n\s+at |unforeseen/);
  });

  it('shares its servers and its worker with run, which leaves them running', async () => {
    const before = processesOfFolder(folder.path).toSorted();
    const { code, stdout, stderr } = await folder.run(['run', 'other.csv'], 90_000);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).not.toContain('Starting local servers');
    expect(stderr).toMatch(/^Worker +this folder's$/m);
    expect(stdout).toContain('Done: 2 of 2 images stored.');
    expect(processesOfFolder(folder.path).toSorted()).toEqual(before);
  });

  it('lets run exit with 1 if a row has failed, and print where to look', async () => {
    const { code, stdout } = await folder.run(['run', 'refused.csv'], 90_000);
    expect(code).toBe(1);
    expect(stdout).toContain('Done: 1 of 2 images stored.');
    expect(stdout).toMatch(/^Next +npx banana-batch failures refused$/m);
    const failures = await folder.runHere(['failures', 'refused']);
    expect(failures.stdout).toContain('row-1');
  });

  it('lets status --watch refuse an unknown batch instead of waiting for it', async () => {
    const { code, stderr } = await folder.runHere(['status', 'nobody', '--watch']);
    expect({ code, stderr }).toMatchObject({ code: 2 });
    expect(stderr).toContain('There is no batch "nobody"');
  });

  it('exits with 0 at Ctrl-C, and leaves no process', async () => {
    expect(await dev.end('SIGINT')).toBe(0);
    await folder.hasNoProcess();
  });
});
