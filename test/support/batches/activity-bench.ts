import { MockActivityEnvironment } from '@temporalio/testing';
import pino from 'pino';
import { MemoryLimit } from '../../../src/storage/byte-budget.js';
import type { ActivityDependencies } from '../../../src/activities/worker/dependencies.js';
import { DEFAULT_LIMITS, type ActivityLimits } from '../../../src/activities/limits.js';
import { createActivities } from '../../../src/activities/index.js';
import type { Activities } from '../../../src/workflows/protocol/activities.js';
import { createDownloadAgent } from '../../../src/bananahub/images/download-agent.js';
import { createBananaHubClient } from '../../../src/bananahub/http-client.js';
import { downloadImage } from '../../../src/bananahub/images/image-download.js';
import { parseBatchId } from '../../../src/domain/rows/ids.js';
import type { RunRequest } from '../../../src/ledger/documents.js';
import { startSandbox, type RunningSandbox } from '../../../src/local/sandbox/index.js';
import { SheetSettings } from '../../../src/sheet/index.js';
import { at, inputKey, requestKey, type RunRef } from '../../../src/storage/layout.js';
import type { IngestResult } from '../../../src/workflows/protocol/batch-messages.js';
import type { RunSettings } from '../../../src/domain/batch/run-settings.js';
import { startTestS3, type TestS3 } from '../stack/test-stack.js';

const API_KEY = 'test-key';

/** Images are stored by `storeImage` alone, unless a test changes that. */
export const ACTIVITY_BENCH_LIMITS: ActivityLimits = {
  ...DEFAULT_LIMITS,
  quickCopyMs: 0,
  serviceFaultMs: 700,
  storageFaultMs: 700,
  imageFaultMs: 900,
};

type AttemptInfo = NonNullable<ConstructorParameters<typeof MockActivityEnvironment>[0]>;

/** The activities over a real bucket and a sandbox, called without a Temporal server. */
export interface ActivityBench {
  readonly s3: TestS3;
  readonly sandbox: RunningSandbox;
  readonly activities: Activities;
  /** The activities of another worker with some other dependencies. */
  readonly activitiesWith: (changes: Partial<ActivityDependencies>) => Activities;
  /** Runs one attempt of an activity; `heartbeats` collects the details it leaves. */
  attempt<T>(work: () => Promise<T>, info?: AttemptInfo, heartbeats?: unknown[]): Promise<T>;
  /** The same for an attempt that is cancelled from its start. */
  attemptTakenBack<T>(work: () => Promise<T>): Promise<T>;
  /** Ingests a sheet as a run of a batch, by default the first; `requestChanges` is added to the run's request. */
  ingest(
    batchName: string,
    lines: readonly string[],
    runSeq?: number,
    requestChanges?: Partial<Omit<RunRequest, 'settings'>> & { readonly settings?: Partial<RunSettings> },
  ): Promise<{ readonly run: RunRef; readonly result: IngestResult }>;
  stop(): Promise<void>;
}

const attempt: ActivityBench['attempt'] = async (work, info = {}, heartbeats = []) => {
  const environment = new MockActivityEnvironment({ ...scheduledNow(), ...info });
  environment.on('heartbeat', (details: unknown) => heartbeats.push(details));
  return environment.run(work);
};

const attemptTakenBack: ActivityBench['attemptTakenBack'] = async (work) => {
  const environment = new MockActivityEnvironment(scheduledNow());
  environment.cancel();
  return environment.run(work);
};

export async function startActivityBench(): Promise<ActivityBench> {
  const [s3, sandbox] = await Promise.all([
    startTestS3(),
    startSandbox({ keys: [API_KEY], jobTimeMs: { min: 20, max: 60 }, retryAfterSeconds: 0 }),
  ]);
  const api = createBananaHubClient({ baseUrl: sandbox.apiUrl, apiKey: API_KEY });
  const agent = createDownloadAgent({ allowPrivateAddresses: true });
  const budget = new MemoryLimit(64 * 1024 * 1024);
  const dependencies: ActivityDependencies = {
    store: s3.store,
    api,
    downloadImage: (url, signal) =>
      downloadImage(url, { agent, signal, reserveBytes: (sizeBytes) => budget.reserve(sizeBytes) }),
    openBatchesSince: async () => [],
    settledInHistory: async () => new Map(),
    log: pino({ level: 'silent' }),
    limits: ACTIVITY_BENCH_LIMITS,
  };
  const activities = createActivities(dependencies);
  return {
    s3,
    sandbox,
    activities,
    activitiesWith: (changes) => createActivities({ ...dependencies, ...changes }),
    attempt,
    attemptTakenBack,
    ingest: async (batchName, lines, runSeq = 1, { settings: own, ...requestChanges } = {}) => {
      const batchId = parseBatchId(batchName);
      if (!batchId) throw new Error(`${batchName} is no batch id.`);
      const run: RunRef = { bucket: s3.bucket, root: `tests/${batchId}/`, batchId, runSeq };
      const sheetKey = inputKey(run, `sheet-${runSeq}`, 'csv');
      const request = {
        sheetKey,
        sheetName: 'sheet.csv',
        sheet: SheetSettings.parse({}),
        service: new URL(sandbox.apiUrl).origin,
        submittedAt: new Date().toISOString(),
        ...requestChanges,
      };
      const put = (key: string, text: string) =>
        s3.store.put(at(run, key), Buffer.from(text), { contentType: 'text/plain' });
      await put(sheetKey, `${lines.join('\n')}\n`);
      await put(requestKey(run, runSeq), JSON.stringify(request));
      const settings = {
        concurrency: 1,
        maxGenerations: 4,
        graceMs: 1,
        idempotencyHorizonMs: 1,
        probeFirstMs: 1,
        probeLongestMs: 1,
        ...own,
      };
      return { run, result: await attempt(() => activities.ingest({ run, settings })) };
    },
    stop: async () => {
      await Promise.all([api.close(), agent.destroy()]);
      await sandbox.close();
      await s3.stop();
    },
  };
}

/** Without these the first attempt was scheduled in 1970, and the activity waits for longer than a timer can. */
function scheduledNow(): Pick<AttemptInfo, 'scheduledTimestampMs' | 'currentAttemptScheduledTimestampMs'> {
  const now = Date.now();
  return { scheduledTimestampMs: now, currentAttemptScheduledTimestampMs: now };
}
