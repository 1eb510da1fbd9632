import type { Connection } from '@temporalio/client';
import { z } from 'zod';
import { withinDeadline } from '../../network/temporal-calls.js';
import { requireParts, type TemporalConfig } from '../../config.js';
import { rateText } from '../../domain/time/request-rate.js';
import { UsageError } from '../../errors.js';
import { taskQueues } from '../../workflows/protocol/names.js';
import { readQueueRate, setQueueRate } from '../../starter.js';
import { connectTemporal } from '../terminal/batch-access.js';
import { EXIT, type Command } from '../terminal/command-context.js';

/** Requests a second, or `off` for no limit. */
export type ChosenRate = number | 'off';

export interface RateOptions {
  readonly creates?: ChosenRate;
  readonly polls?: ChosenRate;
  readonly json: boolean;
}

/** Sets or shows how fast all workers together create and poll. */
export const rate: Command<RateOptions> = async ({ config, stdout }, { creates, polls, json }) => {
  const { temporal } = requireParts(config, ['temporal']);
  const queues = taskQueues(config.taskQueue);
  const connection = await connectTemporal(temporal);
  try {
    const set = async (name: string, chosen: ChosenRate | undefined): Promise<void> => {
      if (chosen === undefined) return;
      const perSecond = chosen === 'off' ? undefined : chosen;
      await callTemporal(connection, temporal, (queue) => setQueueRate(connection, queue, perSecond), name);
    };
    const read = (name: string): Promise<number | undefined> =>
      callTemporal(connection, temporal, (queue) => readQueueRate(connection, queue), name);
    await set(queues.create, creates);
    await set(queues.await, polls);
    const rates = { creates: await read(queues.create), polls: await read(queues.await) };
    stdout.write(json ? `${rateJson(rates, config.taskQueue)}\n` : ratesText(rates));
    return EXIT.ok;
  } finally {
    await connection.close();
  }
};

interface Rates {
  readonly creates: number | undefined;
  readonly polls: number | undefined;
}

function ratesText({ creates, polls }: Rates): string {
  return `Creates: ${limitText(creates)}. Polls: ${limitText(polls)}. These limits are for all workers and batches together.\n`;
}

function limitText(perSecond: number | undefined): string {
  return perSecond === undefined ? 'no limit' : rateText(perSecond);
}

function rateJson({ creates, polls }: Rates, taskQueue: string): string {
  return JSON.stringify({ creates: limitJson(creates), polls: limitJson(polls), taskQueue });
}

function limitJson(
  perSecond: number | undefined,
): { readonly perSecond: number; readonly rate: string } | null {
  return perSecond === undefined ? null : { perSecond, rate: rateText(perSecond) };
}

/** gRPC's codes. */
const UNIMPLEMENTED = 12;
const PERMISSION_DENIED = 7;
const Refusal = z.object({ code: z.number(), details: z.string().catch('') });

async function callTemporal<T>(
  connection: Connection,
  { address, namespace }: TemporalConfig,
  ask: (queue: { readonly namespace: string; readonly name: string }) => Promise<T>,
  name: string,
): Promise<T> {
  try {
    return await withinDeadline(connection, () => ask({ namespace, name }));
  } catch (cause) {
    const { code, details } = Refusal.safeParse(cause).data ?? {};
    if (code === UNIMPLEMENTED) {
      throw new UsageError(
        `Temporal at ${address} cannot limit the rate of a task queue: it is too old (server 1.29 and later can). Update it, or lower the concurrency of each batch: banana-batch set ID --concurrency N`,
        { cause },
      );
    }
    if (code === PERMISSION_DENIED) {
      throw new UsageError(
        `Temporal at ${address} does not allow these credentials to limit the task queue ${name} (${details}). Use other credentials, or ask its administrator.`,
        { cause },
      );
    }
    throw cause;
  }
}
