import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startSandbox, type RunningSandbox, type SandboxPatch } from '../../../src/local/sandbox/index.js';
import { eventually } from '../../support/eventually.js';
import { callsOf } from '../../support/batches/sandbox-calls.js';
import { startScriptedServer, type ScriptedServer } from '../../support/services/scripted-server.js';

let sandbox: RunningSandbox;
let receiver: ScriptedServer;
beforeAll(async () => {
  receiver = await startScriptedServer();
  sandbox = await startSandbox();
});
afterAll(async () => {
  await sandbox.close();
  await receiver.close();
});
beforeEach(() => {
  sandbox.configure({ jobTimeMs: { min: 100, max: 100 }, webhookLateMs: 1200, webhookUrl: null });
  receiver.answerWith((_request, response) => response.writeHead(204).end());
});

async function createWith(patch: SandboxPatch, prompt = 'a bird') {
  sandbox.configure(patch);
  const calls = callsOf(sandbox);
  const jobId = await calls.create({ prompt, callback_url: `${receiver.origin}/hook/secret` });
  return { calls, jobId };
}
const deliveries = (count: number) =>
  eventually(() => receiver.seen.length >= count && receiver.seen, {
    what: `${count} deliveries`,
    everyMs: 5,
  });

it('a webhook has the content of the last poll', async () => {
  const { calls, jobId } = await createWith({});
  const [seen] = await deliveries(1);
  expect(seen).toMatchObject({ method: 'POST', path: '/hook/secret' });
  const polled = await calls.ended(jobId);
  const posted = JSON.parse(seen?.body ?? '');
  expect(posted).toMatchObject({ ...polled, result: { image_url: expect.stringContaining('http') } });
  await eventually(() => sandbox.stats().webhooks.accepted === 1, { what: 'the delivery counts' });
});

it('a failed job sends a webhook, and a receiver that refuses gets one attempt', async () => {
  receiver.answerWith((_request, response) => response.writeHead(500).end());
  const before = sandbox.stats().webhooks;
  await createWith({}, '[[refuse]]');
  const [seen] = await deliveries(1);
  expect(JSON.parse(seen?.body ?? '')).toMatchObject({ status: 'failed', result: null });
  await eventually(() => sandbox.stats().webhooks.failed === before.failed + 1, {
    what: 'the failure counts',
  });
  expect(sandbox.stats().webhooks.sent).toBe(before.sent + 1);
});

it('an early webhook is sent before a poll shows the end', async () => {
  const slow = { jobTimeMs: { min: 3000, max: 3000 } };
  const { calls, jobId } = await createWith({ ...slow, next: { 'webhook-early': 1 } });
  const [seen] = await deliveries(1);
  expect(JSON.parse(seen?.body ?? '')).toMatchObject({ status: 'done' });
  expect((await calls.job(jobId)).status).toBe('processing');
});

it('a late webhook is sent after the job was seen done, a repeated one three times, a missing one never', async () => {
  const late = await createWith({ next: { 'webhook-late': 1 } });
  await late.calls.ended(late.jobId);
  expect(receiver.seen).toHaveLength(0);
  await deliveries(1);
  const missing = await createWith({ next: { 'webhook-missing': 1 } });
  await createWith({ next: { 'webhook-repeated': 1 } });
  const seen = await deliveries(4);
  expect(seen.filter(({ body }) => body.includes(missing.jobId))).toEqual([]);
});

it('a swapped webhook reports the previous job', async () => {
  const { jobId } = await createWith({});
  await deliveries(1);
  await createWith({ next: { 'webhook-swapped': 1 } });
  const seen = await deliveries(2);
  expect(seen.filter(({ body }) => body.includes(jobId))).toHaveLength(2);
});

it('a create without a callback URL uses the account’s webhook', async () => {
  sandbox.configure({ webhookUrl: `${receiver.origin}/account` });
  await callsOf(sandbox).create();
  const [seen] = await deliveries(1);
  expect(seen?.path).toBe('/account');
});
