import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import getPort from 'get-port';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ALL_RULES } from '../../../contract/all-checks.js';
import { performContract } from '../../../contract/command.js';
import { parseArguments, type CommandOptions } from '../../../contract/options.js';
import { startSandbox, type RunningSandbox, type SandboxOptions } from '../../../src/local/sandbox/index.js';
import { BROKEN_ANSWERS } from '../../support/services/broken-answers.js';
import { BROKEN_CREATES } from '../../support/services/broken-creates.js';
import { ACCOUNT_KEY as KEY, type Places } from '../../support/contract-changes.js';
import { startChangingProxy, type Change } from '../../support/services/changing-proxy.js';
import { CapturedStream } from '../../support/commands/command-run.js';
import { eventually } from '../../support/eventually.js';
import { samplePng } from '../../support/images/sample-images.js';
import { startScriptedServer, type ScriptedServer } from '../../support/services/scripted-server.js';

const documentSchema = z.object({
  results: z.array(
    z.object({
      id: z.string(),
      verdict: z.object({
        kind: z.enum(['pass', 'fail', 'skipped', 'finding']),
        says: z.string().optional(),
      }),
    }),
  ),
  jobs: z.array(z.object({ jobId: z.string().nullable(), intended: z.boolean() })),
});

const BROKEN = Object.entries({ ...BROKEN_CREATES, ...BROKEN_ANSWERS });

let inputs: ScriptedServer;
const opened: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  inputs = await startScriptedServer();
  inputs.answerWith((_request, response) => response.end(samplePng(60, 20)));
});
afterAll(async () => {
  for (const part of opened.splice(0)) await part.close();
  await inputs.close();
});

const inputUrl = () => `${inputs.origin}/input.png`;

async function start(options: SandboxOptions = {}): Promise<RunningSandbox> {
  const sandbox = await startSandbox({ keys: [KEY], jobTimeMs: { min: 60, max: 60 }, ...options });
  opened.push(sandbox);
  return sandbox;
}

/** A server that forwards to a sandbox with one change. */
async function startChanged(change: (places: Places) => Change) {
  const sandbox = await start({ balance: '9' });
  const proxy = await startChangingProxy({ api: sandbox.apiUrl, images: sandbox.imagesUrl });
  opened.push(proxy);
  proxy.changeTo(change({ own: proxy.origin, images: sandbox.imagesUrl, input: inputUrl() }));
  return { sandbox, baseUrl: proxy.baseUrl };
}

/** Runs the suite in this process. */
async function perform(baseUrl: string, options: Partial<CommandOptions> = {}) {
  const stdout = new CapturedStream();
  const stderr = new CapturedStream();
  const all: CommandOptions = {
    baseUrl,
    key: KEY,
    maxImages: 2,
    onlyFree: false,
    inputImage: undefined,
    failingPrompt: undefined,
    webhook: undefined,
    pollMs: 20,
    jobTimeoutMs: 20_000,
    json: true,
    yes: true,
    list: false,
    ...options,
  };
  try {
    const streams = { stdin: process.stdin, stdout, stderr };
    const code = await performContract(all, streams, new AbortController().signal);
    return { code, stdout: stdout.text, stderr: stderr.text };
  } finally {
    stdout.destroy();
    stderr.destroy();
  }
}

/** Runs the suite in this process and returns its results. */
async function run(baseUrl: string, options: Partial<CommandOptions> = {}) {
  const { code, stdout, stderr } = await perform(baseUrl, options);
  const { results, jobs } = documentSchema.parse(JSON.parse(stdout));
  const ids = (kind: string) => results.filter(({ verdict }) => verdict.kind === kind).map(({ id }) => id);
  return { code, results, jobs, failed: ids('fail').toSorted(), ids, text: stdout + stderr };
}

/** Runs `npm run contract` as a separate process. */
function runProcess(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  const root = path.resolve(import.meta.dirname, '../../..');
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', 'contract/run.ts', ...args], {
    cwd: root,
    env: { PATH, HOME, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const seen = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (seen.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (seen.stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code]): unknown => code);
  return { child, seen, ended };
}

it('every rule holds on the sandbox with temporary faults, and each image is listed', async () => {
  const sandbox = await start({
    webhookUrl: `${inputs.origin}/of-the-account`,
    retryAfterSeconds: 0,
    next: { 'create-429-date': 1, 'create-html-error': 1, 'create-lost-answer': 1, 'poll-429-seconds': 1 },
  });
  const port = await getPort();
  const flags = ['--base-url', sandbox.apiUrl, '--max-images', '9', '--poll-ms', '200', '--json'];
  const input = ['--input-image', inputUrl(), '--failing-prompt', '[[refuse]]'];
  const hook = ['--webhook-url', `http://127.0.0.1:${port}/hook/`, '--webhook-port', String(port)];
  const { seen, ended } = runProcess([...flags, ...input, ...hook], { BANANAHUB_API_KEY: KEY });
  expect([await ended, seen.stderr.includes('buying')]).toEqual([0, true]);
  const { results, jobs } = documentSchema.parse(JSON.parse(seen.stdout));
  const kinds = (kind: string) => results.filter(({ verdict }) => verdict.kind === kind).map(({ id }) => id);
  expect([kinds('fail'), kinds('skipped')]).toEqual([[], ['open.replay-when-spent']]);
  const made = sandbox.jobs().map(({ jobId }) => jobId);
  expect(new Set(jobs.map(({ jobId }) => jobId))).toEqual(new Set(made));
  expect(jobs.every(({ intended }) => intended)).toBe(true);
  // A create's own callback_url has priority over the account's.
  expect(inputs.seen.filter((request) => request.path === '/of-the-account')).toEqual([]);
  const says = (id: string) => results.find((result) => result.id === id)?.verdict.says;
  expect(says('open.passing-faults')).toContain('429 with Retry-After');
  expect(says('open.failed-charged')).toContain('0.00 charged');
  expect(says('open.url-lifetime')).toContain('86400 seconds');
  for (const secret of [KEY, 'Signature', 'X-Amz-Date']) {
    expect(seen.stdout + seen.stderr).not.toContain(secret);
  }
});

describe('a server with one deviation fails the intended check and no other', () => {
  it.concurrent.each(BROKEN)('%s', async (_name, broken) => {
    const { maxImages = 2, withInput = false, withWebhook = false, failingPrompt, jobTimeoutMs } = broken;
    const { sandbox, baseUrl } = await startChanged(broken.change);
    const port = withWebhook ? await getPort() : undefined;
    const { failed, code, jobs } = await run(baseUrl, {
      webhook: port === undefined ? undefined : { url: `http://127.0.0.1:${port}`, port },
      maxImages,
      failingPrompt,
      ...(jobTimeoutMs !== undefined && { jobTimeoutMs }),
      // A webhook that does not arrive is awaited for fifteen polls.
      ...(withWebhook && { pollMs: 200 }),
      inputImage: withInput ? inputUrl() : undefined,
    });
    expect([failed, code]).toEqual([[...broken.fails].toSorted(), 1]);
    expect(sandbox.jobs().length).toBeLessThanOrEqual(maxImages);
    expect(jobs).toHaveLength(sandbox.jobs().length);
  });

  it('and each rule has such a server', () => {
    const rules = ALL_RULES.map(({ id }) => id).filter((id) => !id.startsWith('open.'));
    const broken = new Set(BROKEN.flatMap(([, { fails }]) => fails));
    expect(rules.filter((id) => !broken.has(id))).toEqual([]);
  });
});

it('a server that accepts everything makes no more images than --max-images', async () => {
  const good = { prompt: 'a bird', aspect_ratio: '1:1' };
  const { sandbox, baseUrl } = await startChanged(() => ({
    request: ({ method, headers }) =>
      method === 'GET'
        ? {}
        : {
            path: '/api/v1/nb/text-generations',
            body: good,
            headers: { ...headers, authorization: `Bearer ${KEY}`, 'idempotency-key': randomUUID() },
          },
  }));
  const { code, jobs, text } = await run(baseUrl, { maxImages: 4 });
  expect([code, jobs.length, sandbox.jobs().length]).toEqual([1, 4, 4]);
  expect(jobs.some(({ intended }) => !intended)).toBe(true);
  expect(text).toContain('a job was created that should not have been');
  expect((await run(baseUrl, { maxImages: 0 })).jobs).toEqual([]);
  expect(sandbox.jobs()).toHaveLength(4);
});

it('lost answers of a server that ignores keys make no more images than --max-images', async () => {
  const { sandbox, baseUrl } = await startChanged(() => ({
    request: ({ method, headers }) =>
      method === 'GET' ? {} : { headers: { ...headers, 'idempotency-key': randomUUID() } },
  }));
  sandbox.configure({ next: { 'create-lost-answer': 9 } });
  const { code, jobs } = await run(baseUrl, { maxImages: 3 });
  expect([code, sandbox.jobs().length]).toEqual([2, 3]);
  expect(jobs.map(({ jobId }) => jobId)).toEqual([null]);
});

it('--only free makes no job, and names the flag that enables the other checks', async () => {
  const sandbox = await start();
  const { code, ids, text } = await run(sandbox.apiUrl, { onlyFree: true, json: true });
  expect([code, sandbox.jobs(), ids('skipped').includes('image.whole')]).toEqual([0, [], true]);
  expect(text).toContain('without --only free');
});

it('a restricted key is used only for its models, and a spent account answers the question about replays', async () => {
  const keys = [{ key: KEY, models: ['nb' as const] }];
  const narrow = await run((await start({ keys })).apiUrl, { maxImages: 3 });
  expect([narrow.code, narrow.failed, narrow.jobs.length]).toEqual([0, [], 1]);
  const spent = await run((await start({ balance: '0.05' })).apiUrl, { maxImages: 3 });
  expect([spent.code, spent.ids('finding').includes('open.replay-when-spent')]).toEqual([0, true]);
});

it('Ctrl-C lists the created jobs', async () => {
  const sandbox = await start({ jobTimeMs: { min: 60_000, max: 60_000 } });
  const { child, seen, ended } = runProcess(['--base-url', sandbox.apiUrl, '--key', KEY]);
  await eventually(() => (sandbox.jobs()[0]?.polls ?? 0) > 0, { what: 'a job is polled', withinMs: 60_000 });
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(seen.stdout).toContain(sandbox.jobs()[0]?.jobId);
  expect(seen.stdout + seen.stderr).not.toContain(KEY);
});

it.each([
  { args: [], says: 'An API key' },
  { args: ['--key', KEY, '--webhook-port', '80'], says: 'must be used together' },
  { args: ['--max-images', 'many'], says: 'a whole number from 0 to 50' },
  { args: ['--base-url', 'ftp://a/'], says: 'Expected an http(s) URL' },
])('$args is refused: $says', ({ args, says }) => {
  expect(parseArguments(args)).toMatchObject({ code: 2, text: expect.stringContaining(says) });
});

it('an unreachable server, one that is not the API, and one that refuses the key are reported as such', async () => {
  const { apiUrl } = await start({ keys: ['another-key'] });
  const cases = {
    'http://127.0.0.1:1/api/v1': 'Check --base-url',
    [inputs.origin]: 'this is not the BananaHub API',
    [apiUrl]: 'refuses the key',
  };
  for (const [baseUrl, says] of Object.entries(cases)) {
    const { code, stderr } = await perform(baseUrl);
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
  }
});
