import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningCommand } from '../../support/commands/command-line.js';
import { embeddedFolder, type EmbeddedFolder } from '../../support/stack/embedded-folder.js';
import { eventually } from '../../support/eventually.js';
import { processesOfFolder } from '../../support/stack/processes-of-folder.js';

const ROWS = 24;

describe('the local servers of a folder', { timeout: 480_000 }, () => {
  let folder: EmbeddedFolder;
  beforeEach(async () => {
    folder = await embeddedFolder();
    for (const name of ['first', 'second', 'third']) {
      const rows = Array.from({ length: ROWS }, (_, row) => `row-${row},the ${name} bird number ${row}\n`);
      await folder.write(`${name}.csv`, `id,prompt\n${rows.join('')}`);
    }
    await folder.write('one.csv', 'id,prompt\nrow-0,a short song\n');
  });
  afterEach(() => folder?.remove());

  const startRun = (name: string, ready = 'Batch '): Promise<RunningCommand> =>
    folder.start(['run', `${name}.csv`, '--concurrency', '4'], ready);

  async function expectComplete(name: string, run: RunningCommand): Promise<void> {
    const code = await run.ended;
    expect({ code, ...run.output() }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`Done: ${ROWS} of ${ROWS} images stored.`),
    });
    expect(run.output().stderr).not.toContain('DEADLINE_EXCEEDED');
    expect(await folder.images(name)).toHaveLength(ROWS);
  }

  async function hasStored(name: string): Promise<void> {
    const stored = async (): Promise<boolean> => (await folder.images(name)).length > 0;
    await eventually(stored, { what: `an image of ${name} is stored`, withinMs: 60_000 });
  }

  async function expectNothingBoughtTwice(): Promise<void> {
    const prompts = (await folder.jobs()).map(({ prompt }) => prompt);
    expect(prompts).toHaveLength(new Set(prompts).size);
  }

  it('outlive the run that started them, until the second run has ended', async () => {
    const first = await folder.start(['run', 'one.csv'], 'Batch ');
    const second = await startRun('second');
    expect(await first.ended).toBe(0);
    await expectComplete('second', second);
    await folder.hasNoProcess();
    await expectNothingBoughtTwice();
  });

  it('serve three runs, the first of which is killed and the second interrupted', async () => {
    const first = await startRun('first');
    const second = await startRun('second');
    const third = await startRun('third');
    await hasStored('first');
    expect(await first.end('SIGKILL')).toBe(null);
    await hasStored('third');
    expect(await second.end('SIGINT')).toBe(130);
    await expectComplete('third', third);
    await folder.hasNoProcess();
    await Promise.all(
      ['first', 'second'].map(async (name) => expectComplete(name, await startRun(name, 'Sheet '))),
    );
    await folder.hasNoProcess();
    await expectNothingBoughtTwice();
  });

  it('are started once by simultaneous dev and run commands, and stop with the last one at Ctrl-C', async () => {
    const [dev, first, second] = await Promise.all([
      folder.start(['dev'], 'Ready.'),
      startRun('first'),
      startRun('second'),
    ]);
    expect(await dev.end('SIGINT')).toBe(0);
    await expectComplete('first', first);
    await expectComplete('second', second);
    await folder.hasNoProcess();
    const three = await Promise.all([folder.start(['dev'], 'Ready.'), startRun('third'), startRun('first')]);
    await Promise.all(three.map((command) => command.end('SIGINT')));
    await folder.hasNoProcess();
    await expectNothingBoughtTwice();
  });

  it('end for everyone if Temporal is killed, a worker included, and the next run starts them again', async () => {
    const dev = await folder.start(['dev'], 'Ready.');
    const worker = await folder.start(['worker'], 'The worker is ready');
    const temporal = processesOfFolder(folder.path).find((line) => line.includes('server start-dev'));
    process.kill(Number.parseInt(temporal ?? '', 10), 'SIGKILL');
    const lost = expect.stringContaining('Temporal server has stopped by SIGKILL');
    for (const command of [dev, worker]) {
      const code = await command.ended;
      expect({ code, ...command.output() }).toMatchObject({ code: 2, stderr: lost });
    }
    await folder.hasNoProcess();
    const next = await folder.start(['run', 'one.csv'], 'Batch ');
    expect(await next.ended).toBe(0);
  });
});
