import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { ShardRows } from '../ledger/shard-rows.js';
import type { RowId } from '../domain/rows/ids.js';
import type { BatchSnapshot } from '../workflows/protocol/batch-messages.js';
import { OLDEST_ROWS, oldestRowsQuery, type OldestRows } from '../workflows/protocol/shard-messages.js';
import { shardWorkflowId } from '../workflows/protocol/names.js';
import { askWorker } from '../network/temporal-calls.js';
import type { BatchStatus } from './status-document.js';

/** The rows of a batch's open shards that are longest at one step, and the usual job duration over all shards' last jobs. */
export async function readOldestRows(
  access: { readonly client: Client; readonly shardRows: ShardRows },
  { run, openShards, asOf }: BatchSnapshot,
): Promise<Pick<BatchStatus, 'oldestRows' | 'usualSeconds' | 'aside'>> {
  const { client, shardRows } = access;
  const shards = await Promise.all(
    openShards.map(async ({ shard }) => {
      const handle = client.workflow.getHandle(shardWorkflowId(run, shard));
      const answer = await askWorker(client, () => handle.query(oldestRowsQuery));
      return { shard, ...(answer ?? NO_ANSWER) };
    }),
  );
  const oldest = shards
    .flatMap(({ shard, rows }) => rows.map((row) => ({ ...row, shard })))
    .toSorted((a, b) => a.sinceMs - b.sinceMs)
    .slice(0, OLDEST_ROWS);
  const usual = usualMs(shards.flatMap(({ durationsMs }) => durationsMs));
  return {
    oldestRows: await Promise.all(
      oldest.map(async ({ shard, row, phase, sinceMs, generation, jobId }) => ({
        rowId: await idOf(shardRows, { run, shard, row }),
        phase,
        ageSeconds: Math.max(0, Math.round((Date.parse(asOf) - sinceMs) / 1000)),
        generation,
        jobId,
      })),
    ),
    usualSeconds: usual === undefined ? undefined : Math.ceil(usual / 1000),
    aside: {
      failing: sum(shards.map(({ aside }) => aside.failing)),
      missing: sum(shards.map(({ aside }) => aside.missing)),
    },
  };
}

const BUCKET_MS = 2_000;

/** A bucket that does not answer must not prevent the rest: undefined then. */
async function idOf(shardRows: ShardRows, ref: Parameters<ShardRows['row']>[0]): Promise<RowId | undefined> {
  const row = shardRows.row(ref).catch(() => undefined);
  return (await Promise.race([row, sleep(BUCKET_MS, undefined, { ref: false })]))?.rowId;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

const NO_ANSWER: OldestRows = { rows: [], durationsMs: [], aside: { failing: 0, missing: 0 } };

/** Minimum of known job durations before anything is called usual. */
const LEAST_SAMPLES = 20;

/** The 95th percentile of these durations (19 of 20 jobs ended within it); undefined for fewer than 20 jobs. */
export function usualMs(durationsMs: readonly number[]): number | undefined {
  if (durationsMs.length < LEAST_SAMPLES) return undefined;
  return durationsMs.toSorted((a, b) => a - b)[Math.ceil(durationsMs.length * 0.95) - 1];
}

/** Jobs usually take 8 to 25 s; queues make some take minutes. */
const SHORTEST_OVERDUE_SECONDS = 60;
const OVERDUE_UNKNOWN_SECONDS = 300;

/** Whether a row has been at one step so long that a person should check: twice the usual duration, at least 1 min; 5 min if the usual one is unknown. */
export function isOverdue(ageSeconds: number, usualSeconds: number | undefined): boolean {
  const limit =
    usualSeconds === undefined
      ? OVERDUE_UNKNOWN_SECONDS
      : Math.max(SHORTEST_OVERDUE_SECONDS, 2 * usualSeconds);
  return ageSeconds > limit;
}
