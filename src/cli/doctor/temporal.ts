import { counted } from '../../domain/text/full-stop.js';
import { Client, Connection, isGrpcServiceError, type ConnectionLike } from '@temporalio/client';
import { z } from 'zod';
import type { Config, TemporalConfig } from '../../config.js';
import { recentPollers } from '../../status/queue-rates.js';
import { findStuckBatches, readQueueRate } from '../../starter.js';
import { rateText } from '../../domain/time/request-rate.js';
import { directToThisMachine } from '../../network/temporal-channel.js';
import { taskQueues } from '../../workflows/protocol/names.js';
import { TEMPORAL_DEADLINE_MS, withinDeadline } from '../../network/temporal-calls.js';
import { check, messageOf, ok, problem, warning, type CheckResult, type Finding } from './check.js';

/** Whether Temporal answers, has the namespace, and has workers for each kind of work. */
export async function checkTemporal(
  config: Config,
  interrupted: AbortSignal,
): Promise<readonly CheckResult[]> {
  const { temporal } = config;
  if (!temporal) return [{ name: 'temporal', ...NOT_CONFIGURED }];
  let connection: Connection;
  try {
    connection = await Connection.connect({
      ...directToThisMachine(temporal.connection),
      connectTimeout: TEMPORAL_DEADLINE_MS,
    });
  } catch (error) {
    return [{ name: 'temporal', ...unreachable(temporal, error) }];
  }
  try {
    const explain = (error: unknown): Finding => refused(temporal, error);
    const server = await check('temporal', interrupted, () => lookAtServer(connection, temporal), explain);
    if (server.state === 'problem') return [server];
    const workers = await check('workers', interrupted, () => lookForWorkers(connection, config), explain);
    return [
      server,
      workers,
      ...(await ratesSet(connection, config)),
      ...(await stuckOnes(connection, config)),
    ];
  } finally {
    await connection.close();
  }
}

const NOT_CONFIGURED = warning(
  'No Temporal server is configured: run starts a local one, submit and worker need one.',
  'Set TEMPORAL_ADDRESS (and TEMPORAL_NAMESPACE, TEMPORAL_API_KEY where needed), or start local servers: npx banana-batch dev',
);

function unreachable({ address, origin }: TemporalConfig, error: unknown): Finding {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const advice =
    origin === 'stack'
      ? 'Start the local servers of this folder again: npx banana-batch dev'
      : 'Start Temporal, or set TEMPORAL_ADDRESS (host:port) to its address; check TLS and the API key.';
  return problem(`${address} does not answer: ${messageOf(cause)}`, advice);
}

// gRPC's code NOT_FOUND.
const NotFound = z.object({ code: z.literal(5) });

function refused({ address, namespace }: TemporalConfig, error: unknown): Finding {
  if (NotFound.safeParse(error).success) {
    return problem(
      `${address} has no namespace "${namespace}".`,
      `Set TEMPORAL_NAMESPACE, or create it: temporal operator namespace create -n ${namespace}`,
    );
  }
  const text = isGrpcServiceError(error) ? error.details : messageOf(error);
  return problem(
    `${address} refuses namespace "${namespace}": ${text}`,
    'Check TEMPORAL_NAMESPACE and the credentials.',
  );
}

async function lookAtServer(
  connection: Connection,
  { address, namespace }: TemporalConfig,
): Promise<Finding> {
  const { serverVersion } = await withinDeadline(connection, () =>
    connection.workflowService.getSystemInfo({}),
  );
  await withinDeadline(connection, () => connection.workflowService.describeNamespace({ namespace }));
  return ok(`Temporal ${serverVersion || '(version unknown)'} at ${address}, namespace "${namespace}".`);
}

async function lookForWorkers(connection: Connection, { taskQueue, temporal }: Config): Promise<Finding> {
  const queues = taskQueues(taskQueue);
  const namespace = temporal?.namespace ?? 'default';
  const polled = await Promise.all(
    Object.values(queues).map(async (name) => ({
      name,
      pollers: await withinDeadline(connection, () =>
        recentPollers(connection, {
          namespace,
          name,
          takes: name === queues.main ? 'workflows' : 'activities',
        }),
      ),
    })),
  );
  const workers = new Set(polled.flatMap(({ pollers }) => pollers));
  if (workers.size === 0) {
    return warning(
      `No worker polls the task queue "${taskQueue}": batches wait until one does.`,
      'Start one: npx banana-batch worker',
    );
  }
  const idle = polled.filter(({ pollers }) => pollers.length === 0).map(({ name }) => name);
  if (idle.length > 0) {
    return warning(
      `No worker polls ${idle.join(', ')}: work of that kind waits.`,
      'Start a worker for all kinds of work: npx banana-batch worker (without --roles)',
    );
  }
  return ok(`${counted(workers.size, 'worker')} on "${taskQueue}": ${[...workers].join(', ')}.`);
}

/** The configured rates, since a batch that they slow down does not show it. Empty if there are none, or if Temporal does not support them. */
async function ratesSet(
  connection: ConnectionLike,
  { taskQueue, temporal }: Config,
): Promise<readonly CheckResult[]> {
  const queues = taskQueues(taskQueue);
  const namespace = temporal?.namespace ?? 'default';
  const read = (name: string): Promise<number | undefined> =>
    withinDeadline(connection, () => readQueueRate(connection, { namespace, name })).catch(() => undefined);
  const [creates, polls] = await Promise.all([read(queues.create), read(queues.await)]);
  const limits = [
    ...(creates === undefined ? [] : [`creates ${rateText(creates)}`]),
    ...(polls === undefined ? [] : [`polls ${rateText(polls)}`]),
  ];
  if (limits.length === 0) return [];
  const ways = 'Change it with banana-batch rate, or remove it: banana-batch rate off --polls off';
  return [{ name: 'rate', ...ok(`All workers together are limited to: ${limits.join(', ')}. ${ways}`) }];
}

/** Running batches that cannot continue. */
async function stuckOnes(
  connection: Connection,
  { taskQueue, temporal }: Config,
): Promise<readonly CheckResult[]> {
  const client = new Client({ connection, namespace: temporal?.namespace ?? 'default' });
  const stuck = await withinDeadline(connection, () => findStuckBatches({ client, taskQueue })).catch(
    () => [],
  );
  return stuck.map(({ batchId, reason }) => ({
    name: 'batch',
    ...problem(`"${batchId}": ${reason}`, `banana-batch retry ${batchId} --force`),
  }));
}
