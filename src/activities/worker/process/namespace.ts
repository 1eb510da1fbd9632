import { NativeConnection } from '@temporalio/worker';
import { z } from 'zod';
import { withinDeadline } from '../../../network/temporal-calls.js';
import type { TemporalConfig } from '../../../config.js';
import { UsageError } from '../../../errors.js';

const DEADLINE_MS = 10_000;
// gRPC's code NOT_FOUND.
const NotFound = z.object({ code: z.literal(5) });

/** A connection for workers. Throws a UsageError if Temporal does not answer. */
export async function connectWorker({ connection, address }: TemporalConfig): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(connection);
  } catch (cause) {
    throw new UsageError(
      `Temporal at ${address} does not answer. Start it, or set TEMPORAL_ADDRESS to its address.`,
      { cause },
    );
  }
}

/** Why Temporal lacks the namespace; undefined if it has it or does not answer. */
export async function missingNamespace(
  connection: NativeConnection,
  { address, namespace }: TemporalConfig,
): Promise<UsageError | undefined> {
  try {
    await withinDeadline(
      connection,
      () => connection.workflowService.describeNamespace({ namespace }),
      DEADLINE_MS,
    );
    return undefined;
  } catch (cause) {
    // Credentials for a namespace may lack the permission to describe it.
    if (!NotFound.safeParse(cause).success) return undefined;
    return new UsageError(
      `Temporal at ${address} has no namespace "${namespace}". Fix TEMPORAL_NAMESPACE, or create it: temporal operator namespace create -n ${namespace}`,
      { cause },
    );
  }
}
