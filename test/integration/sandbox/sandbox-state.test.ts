import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startSandbox, type RunningSandbox, type SandboxOptions } from '../../../src/local/sandbox/index.js';
import { callsOf, download } from '../../support/batches/sandbox-calls.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';

let folder: TemporaryFolder;
let running: RunningSandbox | undefined;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  await running?.close();
  await folder.remove();
});

const stateFile = () => join(folder.path, 'sandbox', 'state.jsonl');
async function restart(options: SandboxOptions = {}): Promise<RunningSandbox> {
  await running?.close();
  running = await startSandbox({
    jobTimeMs: { min: 0, max: 0 },
    balance: '1',
    stateFile: stateFile(),
    ...options,
  });
  return running;
}

it('a restarted sandbox has its jobs, keys, charges and balance', async () => {
  const first = await restart();
  const calls = callsOf(first);
  const jobId = await calls.create({}, 'key');
  await calls.ended(await calls.create({ prompt: '[[flaky]]' }));
  first.configure({ balance: '2' });
  await calls.ended(await calls.create({ prompt: 'third' }));
  const before = first.stats();

  const second = await restart();
  const again = callsOf(second);
  expect(await again.create({}, 'key')).toBe(jobId);
  expect(await again.balance()).toEqual({ balance: '1.92', reserved: '0.00', available: '1.92' });
  expect((await download(await again.imageUrl(jobId))).status).toBe(200);
  expect((await again.ended(await again.create({ prompt: '[[flaky]]' }))).status).toBe('done');
  expect(second.stats()).toMatchObject({
    jobsMade: before.jobsMade + 1,
    jobsFailed: before.jobsFailed,
    charged: '0.24',
    replays: 1,
  });
});

it('a job that runs while the sandbox is stopped is done after the restart', async () => {
  const first = await restart({ jobTimeMs: { min: 1500, max: 1500 } });
  const jobId = await callsOf(first).create();
  expect(first.stats().inFlight).toBe(1);
  const second = await restart();
  expect((await callsOf(second).ended(jobId)).status).toBe('done');
});

it('a truncated last line is dropped, and the file is continued', async () => {
  const jobId = await callsOf(await restart()).create();
  await running?.close();
  await appendFile(stateFile(), '{"kind":"job","job":{"id"');
  const added = await callsOf(await restart()).create({ prompt: 'after' });
  const third = await restart();
  expect(third.jobs().map((job) => job.jobId)).toEqual([jobId, added]);
  expect((await readFile(stateFile(), 'utf8')).split('\n')).toHaveLength(3);
});

it('a file of another program is refused with name and line', async () => {
  await restart();
  await running?.close();
  await writeFile(stateFile(), 'hello\n');
  await expect(restart()).rejects.toThrow(/state\.jsonl, line 1: .*move the file away/);
  running = undefined;
});
