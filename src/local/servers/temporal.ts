import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import getPort from 'get-port';
import { readLog, startChildServer, type ChildServer } from './child-server.js';
import { directToThisMachine } from '../../network/temporal-channel.js';
import { EmbeddedError } from './embedded-error.js';
import { findServerProgram } from './find-binary.js';
import { acceptsConnections } from './stack-info.js';

export interface TemporalOptions {
  /** Folder of `temporal.db`; created if it does not exist. A server with existing data continues from there. */
  readonly dataDir: string;
  readonly logDir: string;
  /** Default: any free one. */
  readonly port?: number;
  /** Of the web UI; default: any free one. */
  readonly uiPort?: number;
  /** Created at the start; default `default`. */
  readonly namespace?: string;
}

/** A Temporal server on 127.0.0.1 whose namespace is ready. */
export interface TemporalServer extends ChildServer {
  readonly address: string;
  readonly uiUrl: string;
  readonly namespace: string;
}

/** Starts Temporal over a SQLite file that survives the end of any process. */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const { dataDir, logDir, namespace = 'default' } = options;
  const port = options.port ?? (await getPort());
  const uiPort = options.uiPort ?? (await getPort());
  const address = `127.0.0.1:${String(port)}`;
  await Promise.all([dataDir, logDir].map((folder) => mkdir(folder, { recursive: true })));
  const database = join(dataDir, 'temporal.db');
  const logFile = join(logDir, 'temporal.log');
  const isNew = !existsSync(database);
  const server = await startChildServer({
    name: 'The embedded Temporal server',
    program: findServerProgram('temporal'),
    args: [
      'server',
      'start-dev',
      '--ip',
      '127.0.0.1',
      '--port',
      String(port),
      '--ui-port',
      String(uiPort),
      '--db-filename',
      database,
      '--namespace',
      namespace,
      // 2.5 times as fast as SQLite's defaults, and equally safe when a process is killed.
      '--sqlite-pragma',
      'journal_mode=wal',
      '--sqlite-pragma',
      'synchronous=1',
      '--log-level',
      'warn',
      '--color',
      'never',
      '--ui-disable-news-fetch',
      // The user's client settings on this machine are not meant for this server.
      '--disable-config-file',
      '--disable-config-env',
    ],
    env: { TEMPORAL_VERSION_CHECK_DISABLED: '1' },
    logFile,
    isReady: () => answersForNamespace(port, namespace),
  }).catch(async (error: unknown) => {
    // A file without tables, as left by a full disk, would count as damaged at the next start.
    if (isNew) for (const file of filesOf(database)) await rm(file, { force: true });
    throw damagedDatabase(database, readLog(logFile)) ?? error;
  });
  return { ...server, address, uiUrl: `http://127.0.0.1:${String(uiPort)}`, namespace };
}

/** A SQLite database and its companion files. */
function filesOf(database: string): readonly string[] {
  return [database, `${database}-wal`, `${database}-shm`];
}

/** SQLite's messages about a database that is truncated, overwritten or empty. */
const DAMAGE =
  /file is not a database|database disk image is malformed|malformed database schema|no such (?:table|column)/;

/** The error that says what to do, if a server's log reports a damaged database. */
function damagedDatabase(database: string, log: string): EmbeddedError | undefined {
  const damage = DAMAGE.exec(log)?.[0];
  if (damage === undefined) return undefined;
  return new EmbeddedError(
    'stack-data-broken',
    `The database of the embedded Temporal server, ${database}, is damaged (${damage}). Move it away, together with the -wal and -shm files beside it; the next start creates an empty one. The batches are in the bucket: "banana-batch retry ID" continues each of them, and buys nothing twice.`,
  );
}

async function answersForNamespace(port: number, namespace: string): Promise<boolean> {
  // A refused gRPC connection is retried only after a second; a bare socket reports it at once.
  if (!(await acceptsConnections('127.0.0.1', port))) return false;
  const connection = await Connection.connect({
    ...directToThisMachine({ address: `127.0.0.1:${String(port)}` }),
    connectTimeout: '5s',
  });
  try {
    await connection.withDeadline(Date.now() + 5_000, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return true;
  } finally {
    await connection.close();
  }
}
