import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import getPort from 'get-port';
import pMap from 'p-map';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseBatchId, type BatchId } from '../../../src/domain/rows/ids.js';
import { callbackPath, type CallbackRef } from '../../../src/bananahub/webhooks/callback-path.js';
import { awaitingActivity } from '../../../src/bananahub/webhooks/worker-webhooks.js';
import { expectCorrect, jobIdsOf } from '../../support/batches/batch-verdict.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import { startCommand, type RunningCommand } from '../../support/commands/command-line.js';
import { eventually } from '../../support/eventually.js';
import { callsOf } from '../../support/batches/sandbox-calls.js';
import { startBatch } from '../../support/batches/start-batch.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';
import { TEST_API_KEY } from '../../support/stack/test-services.js';

const SECRET = '0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0';

let engine: TestEngine;
let port: number;
let origin: string;
let variables: Readonly<Record<string, string>>;
const agent = new Agent({ connections: 50 });

beforeAll(async () => {
  port = await getPort();
  origin = `http://127.0.0.1:${port}`;
  variables = { BANANA_WEBHOOK_URL: `${origin}/hooks/`, BANANA_WEBHOOK_SECRET: SECRET };
  engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 2_000, max: 3_000 } } });
});
afterAll(async () => {
  await agent.destroy();
  await Promise.all(receivers.map((receiver) => receiver.end('SIGTERM')));
  await engine.stop();
});

const receivers: RunningCommand[] = [];
const startReceiver = async (): Promise<RunningCommand> => {
  const receiver = await startCommand(['webhooks', '--port', String(port)], {
    cwd: engine.folder.path,
    variables: { ...engine.variables, ...variables },
    ready: 'Receiving webhooks.',
  });
  receivers.push(receiver);
  return receiver;
};

const prompts = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, row) => `${name} number ${row}`);

const start = (name: string, count: number, concurrency: number) =>
  startBatch(engine.stack, {
    name,
    taskQueue: engine.taskQueue,
    apiUrl: engine.apiUrl,
    prompts: prompts(name, count),
    settings: { concurrency },
  });

const idOf = (name: string): BatchId => parseBatchId(name) ?? ('' as BatchId);
const refOf = (name: string, row: number): CallbackRef => ({
  batchId: idOf(name),
  runSeq: 1,
  shard: 0,
  row,
  generation: 1,
});

const post = async (path: string, body: string): Promise<number> => {
  const {
    statusCode,
    headers,
    body: answer,
  } = await request(origin + path, {
    method: 'POST',
    body,
    dispatcher: agent,
  });
  await answer.dump();
  // Longer than usual load balancers keep an idle connection.
  if (statusCode === 202) expect(headers['keep-alive']).toBe('timeout=75');
  return statusCode;
};
const webhookBody = (jobId: string): string => JSON.stringify({ job_id: jobId, status: 'done' });

/** The counts of a receiver, from its last log line. */
const finalCounts = async (receiver: RunningCommand): Promise<Record<string, number>> => {
  expect(await receiver.end('SIGTERM')).toBe(0);
  const { stderr } = receiver.output();
  expect(stderr).not.toContain(SECRET);
  expect(stderr).not.toContain('/v1/');
  const last = stderr
    .trim()
    .split('\n')
    .findLast((line) => line.includes('no longer received'));
  return JSON.parse(last ?? '{}');
};

/** How often the workflow has started to await a row's first generation. */
const awaitsOf = async (ref: CallbackRef): Promise<number> => {
  const { workflowId, activityId } = awaitingActivity(ref);
  const { events } = await engine.stack.temporal.client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).filter(
    ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityId === activityId,
  ).length;
};

it('a valid path with another finished job ends nothing: the row keeps waiting for its own', async () => {
  const worker = await engine.startWorker({ variables, args: ['--webhooks', String(port)] });
  const calls = callsOf(engine.sandbox, TEST_API_KEY);
  const foreign = await calls.create({ prompt: 'somebody else’s' });
  await calls.ended(foreign);
  const otherJobs = jobIdsOf(engine.sandbox);

  engine.sandbox.configure({ jobTimeMs: { min: 6_000, max: 6_000 } });
  const batch = await start('swapped', 2, 2);
  const [first, second] = [refOf('swapped', 0), refOf('swapped', 1)];
  await eventually(async () => (await awaitsOf(first)) + (await awaitsOf(second)) === 2, {
    what: 'both rows wait for their jobs',
    withinMs: 60_000,
    everyMs: 200,
  });
  const path = `/hooks${callbackPath(first, SECRET)}`;
  expect(await post(path, webhookBody(foreign))).toBe(202);
  expect(await post(path, webhookBody('00000000-0000-4000-8000-000000000000'))).toBe(202);
  expect(await post(`/hooks${callbackPath(second, SECRET)}`, '{"status":"done"}')).toBe(400);
  await eventually(async () => (await awaitsOf(first)) === 2, {
    what: 'the first row waits once more',
    withinMs: 60_000,
    everyMs: 200,
  });
  await batch.result();

  engine.sandbox.configure({ jobTimeMs: { min: 2_000, max: 3_000 } });
  const { jobs } = await expectCorrect(engine, { batchId: 'swapped', rows: 2, otherJobs });
  expect(jobs).toBe(2);
  expect(await awaitsOf(second)).toBe(1);
  const { code, stdout } = await runInProcess(['doctor', '--json'], {
    cwd: engine.folder.path,
    variables: { ...engine.variables, ...variables },
  });
  expect(code).toBe(0);
  expect(stdout).toContain('reaches a receiver with this secret');
  expect(await worker.end('SIGTERM')).toBe(0);
  expect(worker.output().stderr).not.toContain(SECRET);
});

it('ten thousand forged requests change nothing while valid ones are accepted', async () => {
  await engine.startWorker({ variables });
  const receiver = await startReceiver();
  const before = engine.sandbox.stats();
  const batch = await start('forged', 40, 20);
  const slow = slowRequests(20);
  const foreign = engine.sandbox.jobs()[0]?.jobId ?? '';
  const statuses = await pMap(Array.from({ length: 10_000 }).keys(), (n) => forge(n, foreign), {
    concurrency: 50,
  });
  await batch.result();
  for (const socket of slow) socket.destroy();

  const { jobs } = await expectCorrect(engine, { batchId: 'forged', rows: 40 });
  expect(jobs).toBe(40);
  expect(new Set(statuses)).toEqual(new Set(['404']));
  const after = engine.sandbox.stats();
  expect(after.polls['404']).toBe(before.polls['404']);
  const residentKb = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${receiver.pid}/status`, 'utf8'))?.[1];
  expect(Number(residentKb)).toBeLessThan(400 * 1024);
  const counts = await finalCounts(receiver);
  expect(counts).toMatchObject({ refused: 10_000 });
  // On a slow machine, a job may end before the workflow starts to wait for it.
  const { ended = 0, 'not-awaited': early = 0 } = counts;
  expect(ended + early).toBe(40);
  // One poll to confirm, and one for the freshest URL.
  const polls = (after.polls['200'] ?? 0) - (before.polls['200'] ?? 0);
  expect(polls).toBeLessThanOrEqual(2 * ended + 5 * early);
});

it('a batch finishes with misbehaving webhooks, a receiver that is killed and restarted, and a dead one', async () => {
  const otherJobs = jobIdsOf(engine.sandbox);
  const rates = {
    'webhook-missing': 0.05,
    'webhook-late': 0.2,
    'webhook-early': 0.2,
    'webhook-repeated': 0.2,
    'webhook-swapped': 0.05,
    'job-flaky': 0.1,
    'job-refused': 0.05,
  };
  engine.sandbox.configure({ rates, webhookLateMs: 500 });
  const killed = await startReceiver();
  const batch = await start('misbehaving', 45, 15);
  const settled = async (count: number): Promise<void> => {
    await eventually(
      async () => {
        const { stored, failed } = await engine.statusOf('misbehaving');
        return stored + failed >= count;
      },
      { what: `${count} rows have ended`, withinMs: 60_000, everyMs: 200 },
    );
  };
  await settled(8);
  await killed.end('SIGKILL');
  await settled(12);
  const again = await startReceiver();
  await settled(24);
  await finalCounts(again);
  await batch.result();
  const { report } = await expectCorrect(engine, { batchId: 'misbehaving', rows: 45, otherJobs });
  expect(report.tally.stored + report.tally.failed).toBe(45);
});

/** One forged request: a wrong token, a token of another row, the wrong method, a random path, an endless body. */
async function forge(n: number, jobId: string): Promise<string> {
  const row = n % 40;
  const genuine = callbackPath(refOf('forged', row), SECRET);
  const other = callbackPath(refOf('forged', row + 1), SECRET);
  const body = n % 50 === 0 ? 'x'.repeat(200_000) : webhookBody(jobId);
  const paths = [
    `/hooks${genuine.slice(0, -1)}${genuine.endsWith('A') ? 'B' : 'A'}`,
    `/hooks${other.slice(0, -43)}${genuine.slice(-43)}`,
    `/hooks${callbackPath(refOf('forged', row), `${SECRET}0`)}`,
    `/hooks${genuine}/`,
    `/hooks${genuine}?${n}`,
    `/else${genuine}`,
    `/hooks/v1/health/${String(n).padStart(20, '0')}/${genuine.slice(-43)}`,
    '/',
    `/hooks/${'%2e%2e/'.repeat(n % 50)}`,
  ];
  const path = paths[n % paths.length] ?? '/';
  try {
    const method = n % 11 === 0 ? 'PUT' : 'POST';
    const { statusCode, body: answer } = await request(origin + path, { method, body, dispatcher: agent });
    await answer.dump();
    return String(statusCode);
  } catch {
    // The answer arrived, and the connection was closed, before the whole body was read.
    return body.length > 100_000 ? '404' : 'broken';
  }
}

/** Connections that begin a request and never end it. */
function slowRequests(count: number): readonly Socket[] {
  return Array.from({ length: count }, () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('POST /hooks/v1/forged/1/0/0/1/ HTTP/1.1\r\nhost: x\r\n');
    return socket;
  });
}
