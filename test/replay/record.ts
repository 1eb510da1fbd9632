import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import proto from '@temporalio/proto';
import type { RunSettings } from '../../src/domain/batch/run-settings.js';
import {
  cancelUpdate,
  pauseUpdate,
  resumeUpdate,
  setUpdate,
  snapshotQuery,
} from '../../src/workflows/protocol/batch-messages.js';
import { scheduleBench } from '../support/batches/schedule-bench.js';
import { startBatch, type BatchHandle } from '../support/batches/start-batch.js';
import { untilHeld } from '../support/batches/until-held.js';
import { eventually } from '../support/eventually.js';
import { startTestEngine, type TestEngine } from '../support/stack/test-engine.js';
import { historiesFile, RECORDED_RUNS, RecordedHistories, type RecordedRun } from './recorded-runs.js';

/**
 * Records the histories that `npm test` replays again: `npm run record-histories`. Until the first release, after every
 * change of the workflows; from then on at each release, since running batches must continue with the next version.
 */
const { History } = proto.temporal.api.history.v1;
const ROWS = 12;
const PRICES = [{ model: 'pro', resolution: '1K', price: '0.08' }] as const;

const engine = await startTestEngine({
  sandbox: { jobTimeMs: { min: 100, max: 400 }, retryAfterSeconds: 0, seed: 'replay' },
});
try {
  await engine.startWorker();
  for (const run of RECORDED_RUNS) {
    await make(engine, run);
    const histories = await historiesOf(engine, run);
    await writeFile(historiesFile(run), await promisify(gzip)(JSON.stringify(histories), { level: 9 }));
    const events = histories.reduce((sum, { history }) => sum + history.events.length, 0);
    process.stdout.write(`${run}: ${histories.length} workflow runs, ${events} events\n`);
  }
} finally {
  await engine.stop();
}

/** Executes a run to its end. */
async function make(on: TestEngine, run: RecordedRun): Promise<void> {
  const start = (settings: Partial<RunSettings> = {}, mark = ''): Promise<BatchHandle> =>
    startBatch(on.stack, {
      name: run,
      taskQueue: on.taskQueue,
      apiUrl: on.apiUrl,
      prompts: Array.from({ length: ROWS }, (_, row) => `${run} ${row}${mark}`),
      settings: { concurrency: 4, ...settings },
    });
  const untilPaused = (handle: BatchHandle): Promise<unknown> =>
    eventually(async () => (await handle.query(snapshotQuery)).pauses?.[0], {
      what: `${run} is paused`,
      withinMs: 60_000,
    });
  const followed = (): { result: () => Promise<unknown> } =>
    on.stack.temporal.client.workflow.getHandle(`batch:${run}`);
  switch (run) {
    case 'plain':
      await (await start()).result();
      return;
    case 'generations':
      await (await start({}, ' [[flaky]]')).result();
      return;
    case 'continued':
      await start({ continueAfterEvents: 60 });
      await followed().result();
      return;
    case 'held': {
      on.sandbox.configure({ balance: '0' });
      const handle = await start();
      await untilHeld(handle, 'account');
      on.sandbox.configure({ balance: '1000' });
      await handle.result();
      return;
    }
    case 'paused': {
      const handle = await start({ concurrency: 1 });
      await handle.executeUpdate(pauseUpdate);
      await handle.executeUpdate(setUpdate, { args: [{ concurrency: 6 }] });
      await handle.executeUpdate(resumeUpdate, { args: [undefined] });
      await handle.result();
      return;
    }
    case 'canary': {
      const handle = await start({ canary: { rows: 4, of: ROWS } });
      await untilPaused(handle);
      await handle.executeUpdate(resumeUpdate, { args: [undefined] });
      await handle.result();
      return;
    }
    case 'budget': {
      const handle = await start({ budget: '0.40', prices: PRICES });
      await untilPaused(handle);
      await handle.executeUpdate(setUpdate, { args: [{ budget: '10' }] });
      await handle.result();
      return;
    }
    case 'later-budget': {
      const handle = await start({ concurrency: 2 });
      await eventually(async () => (await on.statusOf(run)).stored > 0, {
        what: 'an image is stored',
        withinMs: 60_000,
      });
      await handle.executeUpdate(setUpdate, { args: [{ budget: '0.30', prices: PRICES }] });
      await untilPaused(handle);
      await handle.executeUpdate(setUpdate, { args: [{ budget: '10' }] });
      await handle.result();
      return;
    }
    case 'cancelled': {
      const handle = await start({ concurrency: 2 });
      await eventually(async () => (await on.statusOf(run)).stored > 0, {
        what: 'an image is stored',
        withinMs: 60_000,
      });
      await handle.executeUpdate(cancelUpdate);
      await handle.result();
      return;
    }
    case 'scheduled': {
      const bench = scheduleBench(() => on);
      await bench.putSheet(
        run,
        Array.from({ length: ROWS }, (_, row) => `${run} ${row}`),
      );
      const name = await bench.create(run, { mode: 'fresh' });
      await bench.trigger(name);
      await bench.over(name, 1);
      await eventually(async () => (await runningOf(on, run)) === 0, { what: 'its workflows have ended' });
    }
  }
}

async function runningOf(on: TestEngine, run: RecordedRun): Promise<number> {
  let running = 0;
  for await (const { workflowId, status } of on.stack.temporal.client.workflow.list()) {
    if (workflowId.includes(run) && status.name === 'RUNNING') running += 1;
  }
  return running;
}

async function historiesOf(on: TestEngine, run: RecordedRun): Promise<RecordedHistories> {
  const { client } = on.stack.temporal;
  const found: RecordedHistories = [];
  for await (const { workflowId, runId, type } of client.workflow.list()) {
    if (!workflowId.includes(run)) continue;
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const parsed: unknown = JSON.parse(JSON.stringify(History.fromObject(history)), withoutMachine);
    found.push(...RecordedHistories.parse([{ workflowId, workflowType: type, history: parsed }]));
  }
  return found.toSorted((a, b) => (a.workflowId < b.workflowId ? -1 : 1));
}

/** Leaves out what only describes the recording machine. */
function withoutMachine(this: unknown, key: string, value: unknown): unknown {
  if (key === 'stackTrace') return '';
  if (key === 'identity' || key === 'lastWorkerIdentity') return 'worker';
  const isSticky = key === 'name' && (this as { kind?: unknown }).kind === 'TASK_QUEUE_KIND_STICKY';
  return isSticky ? 'sticky' : value;
}
