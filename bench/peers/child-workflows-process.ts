/*
 * The peer of a batch that uses Temporal in its textbook form: a workflow that starts a child workflow for each row, with
 * three activities each. Reads a `PeerWork` as JSON from standard input, and prints a `PeerResult`.
 */
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { childBatch, type ChildActivities } from './child-workflows.js';
import { imageSteps } from './image-steps.js';
import { measured, PeerWork } from './peer-work.js';

const TASK_QUEUE = 'peer-child-workflows';
/** Temporal lists ended workflows a moment later. */
const LISTED_MS = 3_000;

const work = PeerWork.parse(JSON.parse(await text(process.stdin)));
const { concurrency, pollMs, temporal } = work;
if (!temporal) throw new Error('This peer needs Temporal.');
const { address, namespace } = temporal;
const steps = imageSteps(work);

const activities: ChildActivities = {
  create: steps.create,
  untilDone: async (jobId) => {
    for (;;) {
      await delay(pollMs);
      const imageUrl = await steps.poll(jobId);
      if (imageUrl !== undefined) return imageUrl;
      Context.current().heartbeat();
    }
  },
  copy: steps.copy,
};

// Standard output is for the result.
Runtime.install({ logger: new DefaultLogger('ERROR') });
const [native, connection] = await Promise.all([
  NativeConnection.connect({ address }),
  Connection.connect({ address }),
]);
const client = new Client({ connection, namespace });
const worker = await Worker.create({
  connection: native,
  namespace,
  taskQueue: TASK_QUEUE,
  workflowsPath: fileURLToPath(new URL('child-workflows.ts', import.meta.url)),
  activities,
  maxConcurrentActivityTaskExecutions: 2 * concurrency,
});

async function countEvents(): Promise<number> {
  await delay(LISTED_MS);
  let events = 0;
  for await (const { historyLength } of client.workflow.list({ query: `TaskQueue = '${TASK_QUEUE}'` })) {
    events += historyLength ?? 0;
  }
  return events;
}

const result = await worker.runUntil(async () => {
  let batches = 0;
  let warmUpEvents = 0;
  const usage = await measured(work, async (images) => {
    batches += 1;
    await client.workflow.execute(childBatch, {
      taskQueue: TASK_QUEUE,
      workflowId: `${TASK_QUEUE}-${batches}`,
      args: [{ images, concurrency }],
    });
    if (batches === 1) warmUpEvents = await countEvents();
  });
  return { ...usage, events: (await countEvents()) - warmUpEvents };
});
process.stdout.write(JSON.stringify(result));
await steps.close();
await Promise.all([connection.close(), native.close()]);
