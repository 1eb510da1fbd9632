import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SandboxPatch } from '../src/local/sandbox/index.js';
import { pick } from '../src/local/sandbox/seeded-chance.js';
import {
  ACCESS_DENIED,
  CREATES,
  DROPPED,
  puts,
  SLOW_DOWN,
  touches,
} from '../test/support/services/fault-answers.js';
import type { Arena, EndFault } from './arena.js';
import type { PlannedFault } from './plan.js';
import {
  cancelBatch,
  changeConcurrency,
  pauseBatch,
  resetBatch,
  resetShard,
  terminateBatch,
  terminateShard,
} from './batch-faults.js';

const SHIFTED_CLOCK = path.resolve(import.meta.dirname, '../test/support/stack/shifted-clock.mjs');
const HOUR_MS = 3_600_000;
const ENOUGH = '1000000.00';

/** Starts a planned fault; undefined if there is nothing to apply it to. */
export async function startFault(arena: Arena, { kind, share }: PlannedFault): Promise<EndFault | undefined> {
  const { engine, workers, plan } = arena;
  const { s3, api } = engine.proxies;
  switch (kind) {
    case 'worker-killed':
      return workers.takeAway({ share }, 'SIGKILL');
    case 'worker-stopped':
      return workers.takeAway({ share }, 'SIGTERM');
    case 'all-workers-killed':
      return workers.takeAway('all', 'SIGKILL');
    case 'clock-ahead':
      return workers.replace(share, shiftedClock(HOUR_MS));
    case 'clock-behind':
      return workers.replace(share, shiftedClock(-HOUR_MS));
    case 'temporal-killed':
      return killed(engine.stack.temporal);
    case 'temporal-restored':
      return restored(arena, true);
    case 'temporal-restored-under-workers':
      return restored(arena, false);
    case 's3-killed':
      return killed(engine.stack.s3);
    case 's3-hung':
      engine.stack.s3.freeze();
      return () => engine.stack.s3.thaw();
    case 's3-busy':
      return s3.behave(SLOW_DOWN);
    case 's3-slow':
      return s3.behave({ kind: 'delay', delayMs: Math.round(200 + 2_800 * share) });
    case 's3-dropped':
      return s3.behave(DROPPED);
    case 's3-denied':
      return s3.behave(ACCESS_DENIED);
    case 's3-images-denied':
      return s3.behave(ACCESS_DENIED, touches('/images/'));
    case 's3-parts-denied':
      return s3.behave(ACCESS_DENIED, puts('/parts/'));
    case 'create-answers-lost':
      return api.behave({ kind: 'lose-answer' }, CREATES);
    case 'api-paused':
      return misbehaving(arena, { outage: { api: 'down503' } }, { outage: { api: 'none' } });
    case 'api-html':
      return misbehaving(arena, { outage: { api: 'html502' } }, { outage: { api: 'none' } });
    case 'api-dropped':
      return misbehaving(arena, { outage: { api: 'drop' } }, { outage: { api: 'none' } });
    case 'too-many-requests':
      return rates(
        arena,
        ['create-429-seconds', 'create-429-date', 'poll-429-seconds', 'poll-429-date'],
        0.4,
      );
    case 'jobs-fail':
      return rates(arena, ['job-flaky'], 0.7);
    case 'jobs-missing':
      return misbehaving(arena, { jobsMissing: true }, { jobsMissing: false });
    case 'key-revoked':
      return misbehaving(arena, { keyRevoked: true }, { keyRevoked: false });
    case 'out-of-funds':
      return misbehaving(arena, { balance: share < 0.5 ? '0.40' : '0.01' }, { balance: ENOUGH });
    case 'model-paused':
      return misbehaving(arena, { pausedModels: [pick(['pro', 'nb', 'nb2'], share)] }, { pausedModels: [] });
    case 'images-down':
      return misbehaving(arena, { outage: { images: 'down503' } }, { outage: { images: 'none' } });
    case 'images-dropped':
      return misbehaving(arena, { outage: { images: 'drop' } }, { outage: { images: 'none' } });
    case 'images-truncated':
      return rates(arena, ['image-truncated'], 0.8);
    case 'images-expired':
      return rates(arena, ['image-expired'], 0.8);
    case 'paused':
      return pauseBatch(arena, share);
    case 'concurrency-changed':
      return changeConcurrency(arena, share);
    case 'shard-terminated':
      return terminateShard(arena, share);
    case 'shard-reset':
      return resetShard(arena, share);
    case 'batch-reset':
      return resetBatch(arena, share);
    case 'batch-cancelled':
      return cancelBatch(arena, share);
    case 'batch-terminated':
      return terminateBatch(arena, share);
  }

  function rates(
    { engine: { sandbox } }: Arena,
    names: readonly (keyof NonNullable<SandboxPatch['rates']>)[],
    rate: number,
  ): EndFault {
    const all = (value: number): SandboxPatch => ({
      rates: Object.fromEntries(names.map((name) => [name, value])),
    });
    sandbox.configure(all(rate));
    return () => sandbox.configure(all(plan.misbehaviour));
  }
}

function misbehaving({ engine: { sandbox } }: Arena, begin: SandboxPatch, end: SandboxPatch): EndFault {
  sandbox.configure(begin);
  return () => sandbox.configure(end);
}

async function killed(server: { kill(): Promise<void>; restart(): Promise<void> }): Promise<EndFault> {
  await server.kill();
  return () => server.restart();
}

/** Takes a backup of Temporal's database; ending the fault restores it, with new workers or under running ones. */
async function restored({ engine, workers, batches }: Arena, withNewWorkers: boolean): Promise<EndFault> {
  const { temporal } = engine.stack;
  await temporal.saveDatabase();
  return async () => {
    const bringBack = withNewWorkers ? await workers.takeAway('all', 'SIGKILL') : NOTHING;
    await temporal.restoreDatabase();
    bringBack();
    await batches.checkAll();
    if (withNewWorkers) return;
    // A batch may be stuck until the workers are restarted, as its status advises.
    await delay(NOTICED_AFTER_MS);
    (await workers.takeAway('all', 'SIGTERM'))();
  };
}

const NOTHING = (): void => undefined;
const NOTICED_AFTER_MS = 20_000;

function shiftedClock(shiftMs: number): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${SHIFTED_CLOCK}`, BANANA_TEST_CLOCK_SHIFT_MS: String(shiftMs) };
}
