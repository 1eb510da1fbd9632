import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { historyText } from './history-text.js';

/** A workflow's id, and something that Temporal shows of it. */
export type Shown = readonly [workflowId: string, text: string];

const LOOK_EVERY_MS = 200;

/**
 * Everything that Temporal shows of all workflows until `end` has settled: repeatedly their memos, visibility and
 * pending activities with the last failures, and at the end their whole histories. Payloads are decoded.
 */
export async function shownByTemporal(client: Client, end: Promise<unknown>): Promise<readonly Shown[]> {
  const shown: Shown[] = [];
  const over = end.then(() => true);
  do shown.push(...(await shownNow(client)));
  while (!(await Promise.race([over, delay(LOOK_EVERY_MS, false)])));
  shown.push(...(await shownNow(client)));
  for await (const { workflowId, runId } of client.workflow.list()) {
    shown.push([workflowId, await historyText(client.workflow.getHandle(workflowId, runId))]);
  }
  return shown;
}

async function shownNow(client: Client): Promise<readonly Shown[]> {
  const shown: Shown[] = [];
  for await (const { workflowId, runId, memo, raw } of client.workflow.list()) {
    const description = await client.workflow.getHandle(workflowId, runId).describe();
    shown.push([workflowId, decoded([memo, raw, description.raw])]);
  }
  return shown;
}

function decoded(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Uint8Array) return Buffer.from(part).toString();
    return typeof part === 'bigint' ? String(part) : part;
  });
}
