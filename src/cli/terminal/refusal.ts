import { isGrpcServiceError, ServiceError, WorkflowUpdateFailedError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { BananaHubError } from '../../bananahub/errors.js';
import { asPart } from '../../domain/text/full-stop.js';
import { diskFaultText } from './disk-fault.js';
import { EmbeddedError } from '../../local/servers/embedded-error.js';
import { UsageError } from '../../errors.js';
import { SheetError } from '../../sheet/index.js';
import { StorageError } from '../../storage/object-store.js';

/** The line that explains an error to the person at the terminal; undefined for a bug of ours. */
export function refusalOf(error: unknown): string | undefined {
  if (error instanceof WorkflowUpdateFailedError) return error.cause?.message ?? error.message;
  if (error instanceof NamespaceNotFoundError) {
    const { namespace } = error;
    return `Temporal has no namespace "${namespace}". Fix TEMPORAL_NAMESPACE, or create it: temporal operator namespace create -n ${namespace}`;
  }
  if (error instanceof ServiceError) {
    return isTemporalAway(error)
      ? 'Temporal does not answer. Check that it runs, and TEMPORAL_ADDRESS; or run: banana-batch doctor'
      : `Temporal refused the request: ${asPart(error.cause instanceof Error ? error.cause.message : error.message)}. Check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, or run: banana-batch doctor`;
  }
  const isExpected =
    error instanceof UsageError ||
    error instanceof SheetError ||
    error instanceof StorageError ||
    error instanceof EmbeddedError ||
    error instanceof BananaHubError;
  return isExpected ? error.message : diskFaultText(error);
}

/** gRPC's DEADLINE_EXCEEDED and UNAVAILABLE. */
const AWAY_CODES: ReadonlySet<unknown> = new Set([4, 14]);

/** Whether Temporal's server did not answer a request at all. */
export function isTemporalAway(error: unknown): boolean {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) && AWAY_CODES.has(cause.code);
}
