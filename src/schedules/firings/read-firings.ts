import path from 'node:path';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import pMap from 'p-map';
import { readBatchStatus } from '../../status/batch-status.js';
import type { BatchStatus } from '../../status/status-document.js';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { readDocumentIfAny } from '../../ledger/files/read-document.js';
import type { HomeFolder } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { firingKey, firingsPrefix } from '../schedule-layout.js';
import { FiringRecord, readFiringRecord } from './firing-records.js';
import type { ScheduleAccess, TakenFiring } from '../schedule-client.js';

/** A known run of the schedule. */
export type Firing =
  | {
      readonly kind: 'recorded';
      readonly record: FiringRecord;
      /** If the record says `running`: the status of its batch. */
      readonly batch?: BatchStatus;
    }
  /** Temporal has started it, and no worker has taken it yet. */
  | { readonly kind: 'waiting'; readonly firingAt: string }
  /** It was ended from outside, or could not be recorded. */
  | { readonly kind: 'unrecorded'; readonly firingAt: string };

const READS_AT_ONCE = 16;

/** The newest runs of a schedule, newest first: those recorded in the bucket, and those that only Temporal knows. */
export async function readFirings(
  access: ScheduleAccess,
  home: HomeFolder,
  name: ScheduleName,
  {
    last,
    taken,
  }: {
    /** How many. */
    readonly last: number;
    /** `Schedule.recent`; empty for a deleted schedule. */
    readonly taken: readonly TakenFiring[];
  },
): Promise<readonly Firing[]> {
  const keys = await newestKeys(access.store, home, name, last);
  const recorded = new Set(keys);
  const unrecorded = taken.filter(({ firingAt }) => !recorded.has(firingKey(home, name, firingAt)));
  const firings = await Promise.all([
    pMap(keys, (key) => firingAtKey(access, home, key), { concurrency: READS_AT_ONCE }),
    pMap(unrecorded, (one) => unrecordedFiring(access, home, name, one), { concurrency: READS_AT_ONCE }),
  ]);
  return firings
    .flat()
    .filter((firing) => firing !== undefined)
    .toSorted((a, b) => firingAtOf(b).localeCompare(firingAtOf(a)))
    .slice(0, last);
}

/** The nominal time of a run of the schedule, ISO 8601. */
export function firingAtOf(firing: Firing): string {
  return firing.kind === 'recorded' ? firing.record.firingAt : firing.firingAt;
}

async function newestKeys(
  store: ObjectStore,
  home: HomeFolder,
  name: ScheduleName,
  count: number,
): Promise<readonly string[]> {
  const days: string[] = [];
  for await (const day of store.listFolders(home.bucket, firingsPrefix(home, name))) days.push(day);
  const newest: string[] = [];
  for (const day of days.toSorted().toReversed()) {
    if (newest.length >= count) break;
    const keys: string[] = [];
    for await (const { key } of store.list(home.bucket, day)) {
      if (path.posix.extname(key) === '.json') keys.push(key);
    }
    newest.push(...keys.toReversed());
  }
  return newest.slice(0, count);
}

async function firingAtKey(
  access: ScheduleAccess,
  { bucket }: HomeFolder,
  key: string,
): Promise<Firing | undefined> {
  const record = await readDocumentIfAny(access.store, { bucket, key }, FiringRecord);
  if (!record) return undefined;
  if (record.outcome.kind !== 'running') return { kind: 'recorded', record };
  const { bucket: batchBucket, root, batchId } = record.outcome;
  const batch = await readBatchStatus(access, { bucket: batchBucket, root, batchId });
  return { kind: 'recorded', record, ...(batch && { batch }) };
}

async function unrecordedFiring(
  { client, store }: ScheduleAccess,
  home: HomeFolder,
  name: ScheduleName,
  { firingAt, workflowId, runId }: TakenFiring,
): Promise<Firing> {
  // It may be older than the listed ones.
  const record = await readFiringRecord(store, home, name, firingAt);
  if (record) return { kind: 'recorded', record };
  const isOpen = await isRunning(client, workflowId, runId);
  return { kind: isOpen ? 'waiting' : 'unrecorded', firingAt: firingAt.toISOString() };
}

async function isRunning(client: Client, workflowId: string, runId: string): Promise<boolean> {
  try {
    const { status } = await client.workflow.getHandle(workflowId, runId).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
