import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import type { ChildServer } from '../../../src/local/servers/child-server.js';
import { createBucket, EMBEDDED_S3_REGION, startS3 } from '../../../src/local/servers/s3.js';
import type { S3Location } from '../../../src/local/servers/s3.js';
import { startTemporal } from '../../../src/local/servers/temporal.js';
import { createS3ObjectStore } from '../../../src/storage/s3/s3-object-store.js';
import type { ObjectStore } from '../../../src/storage/object-store.js';
import { onFreePorts } from '../services/on-free-ports.js';
import { isProcessGone } from './process-gone.js';
import { temporaryFolder } from '../temporary-folder.js';

/** A real server for one test file; call `stop` in `afterAll`; it fails if a process is left running. */
interface TestServer {
  /** Its process, of the newest start. */
  pid(): number | undefined;
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
  /** Stops it by SIGSTOP: it keeps its connections and answers nothing, until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Starts it again, on the same port over the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A real Temporal server and a client of it. */
export interface TestTemporal extends TestServer {
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string;
  readonly client: Client;
  /** Kills it and starts it again on the same port with nothing in its database. */
  restartEmpty(): Promise<void>;
  /** Copies its database while it is stopped for a moment. */
  saveDatabase(): Promise<void>;
  /** Kills it and starts it again on the same port with the database that was saved. */
  restoreDatabase(): Promise<void>;
}

/** A real S3 server, a bucket in it, and a store that reaches it. */
export interface TestS3 extends TestServer, S3Location {
  readonly store: ObjectStore;
  /** Contains a folder per bucket, with a file per object. */
  readonly folder: string;
}

export interface TestStack {
  readonly temporal: TestTemporal;
  readonly s3: TestS3;
  stop(): Promise<void>;
}

export async function startTestStack(): Promise<TestStack> {
  const [temporal, s3] = await Promise.all([startTestTemporal(), startTestS3()]);
  return {
    temporal,
    s3,
    stop: async () => {
      await Promise.all([temporal.stop(), s3.stop()]);
    },
  };
}

/** SQLite's database and the files next to it. */
const TEMPORAL_FILES = ['temporal.db', 'temporal.db-wal', 'temporal.db-shm'];

export async function startTestTemporal(): Promise<TestTemporal> {
  const folder = await temporaryFolder();
  const paths = { dataDir: folder.path, logDir: folder.path };
  const server = await onFreePorts(() => startTemporal(paths));
  const { address, namespace, uiUrl } = server;
  const connection = await Connection.connect({ address });
  const restart = (): Promise<ChildServer> =>
    onFreePorts(() => startTemporal({ ...paths, port: portOf(`http://${address}`), uiPort: portOf(uiUrl) }));
  const life = lifetime(server, restart, async () => {
    await connection.close();
    await folder.remove();
  });
  return {
    address,
    namespace,
    uiUrl,
    client: new Client({ connection, namespace }),
    ...life,
    restartEmpty: async () => {
      await life.kill();
      for (const file of TEMPORAL_FILES) await rm(`${folder.path}/${file}`, { force: true });
      await life.restart();
    },
    saveDatabase: async () => {
      life.freeze();
      try {
        await mkdir(`${folder.path}/saved`, { recursive: true });
        for (const file of TEMPORAL_FILES.slice(0, 2)) {
          await copyFile(`${folder.path}/${file}`, `${folder.path}/saved/${file}`);
        }
      } finally {
        life.thaw();
      }
    },
    restoreDatabase: async () => {
      await life.kill();
      for (const file of TEMPORAL_FILES) await rm(`${folder.path}/${file}`, { force: true });
      for (const file of TEMPORAL_FILES.slice(0, 2)) {
        await copyFile(`${folder.path}/saved/${file}`, `${folder.path}/${file}`);
      }
      await life.restart();
    },
  };
}

export async function startTestS3(): Promise<TestS3> {
  const folder = await temporaryFolder();
  const credentials = { accessKeyId: 'test-access', secretAccessKey: randomBytes(20).toString('hex') };
  const options = {
    dataDir: `${folder.path}/objects`,
    logDir: folder.path,
    accessKey: credentials.accessKeyId,
    secretKey: credentials.secretAccessKey,
  };
  const server = await onFreePorts(() => startS3(options));
  const { endpoint } = server;
  const location: S3Location = {
    endpoint,
    region: EMBEDDED_S3_REGION,
    bucket: 'test-bucket',
    ...credentials,
  };
  await createBucket(location);
  const store = createS3ObjectStore({ endpoint, region: EMBEDDED_S3_REGION, credentials });
  const restart = (): Promise<ChildServer> =>
    onFreePorts(() => startS3({ ...options, port: portOf(endpoint) }));
  return {
    ...location,
    store,
    folder: options.dataDir,
    ...lifetime(server, restart, async () => {
      store.close();
      await folder.remove();
    }),
  };
}

function lifetime(
  first: ChildServer,
  start: () => Promise<ChildServer>,
  release: () => Promise<void>,
): TestServer {
  const started = [first];
  const pid = (): number | undefined => started.at(-1)?.pid;
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
    const running = pid();
    if (running !== undefined) process.kill(running, name);
  };
  return {
    pid,
    kill: async () => {
      await started.at(-1)?.kill();
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    restart: async () => {
      await started.at(-1)?.stop();
      started.push(await start());
    },
    stop: async () => {
      try {
        await Promise.all(started.map((server) => server.stop()));
        const left = started.filter((server) => !isProcessGone(server.pid)).map((server) => server.pid);
        if (left.length > 0) throw new Error(`Still running after its stop: pid ${left.join(', ')}`);
      } finally {
        await release();
      }
    },
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
