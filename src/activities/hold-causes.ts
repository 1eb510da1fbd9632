import { ApplicationFailure } from '@temporalio/common';
import { serviceName } from '../bananahub/account-id.js';
import { connectionFaultCode } from '../bananahub/http/connection-fault.js';
import { BananaHubError } from '../bananahub/errors.js';
import { ImageDownloadError } from '../bananahub/images/image-download-error.js';
import {
  BATCH_FAULT,
  type BatchFaultDetails,
  type HoldCause,
  type ModelMode,
} from '../domain/batch/holds.js';
import type { RunRef } from '../storage/layout.js';
import { StorageError, type StorageErrorCode } from '../storage/object-store.js';
import { ownMessage } from './own-message.js';

/**
 * What an error means for the row and the batch: the one table from errors to consequences. Causes and messages are
 * our own, since they enter the history; `text` is the other side's, for the bucket.
 */
export type Meaning =
  /** The whole scope is held; the row keeps its place. */
  | { readonly kind: 'hold'; readonly cause: HoldCause; readonly text?: string }
  /** Worth another attempt; holds the batch with `cause` if it persists. */
  | { readonly kind: 'passing'; readonly cause: HoldCause; readonly text?: string }
  /** The request itself is refused. */
  | { readonly kind: 'invalid'; readonly message: string; readonly text: string }
  /** The service does not know the job. */
  | { readonly kind: 'gone' };

/** The meaning of a failed API call. `mode` is set for creates: their 403 concerns one model. */
export function meaningOfApiError(error: BananaHubError, mode?: ModelMode): Meaning {
  const { code, status } = error;
  switch (code) {
    case 'unauthorized':
      return hold(
        error,
        'account',
        'The API key is refused (401). Write a valid key into the file of BANANAHUB_API_KEY_FILE, or set BANANAHUB_API_KEY on the workers and restart them; the batch continues by itself.',
      );
    case 'insufficient-balance':
      return hold(
        error,
        'account',
        'Out of funds (402). Top up the BananaHub account; the batch continues by itself.',
      );
    case 'forbidden':
      return mode
        ? hold(
            error,
            `model:${mode}`,
            `The API key may not use ${mode} (403). Give the key access, or cancel the batch; rows of other models continue.`,
          )
        : hold(
            error,
            'account',
            'The API key may not read jobs (403). Give it access; the batch continues by itself.',
          );
    case 'paused':
      return mode
        ? hold(
            error,
            `model:${mode}`,
            `BananaHub has paused ${mode} (${ownMessage(error)}). The batch continues by itself when it is available again.`,
          )
        : passing(error, 'service', `BananaHub is paused (${ownMessage(error)}).`);
    case 'job-not-found':
      return { kind: 'gone' };
    case 'invalid-request':
      // No row is at fault, and no other row would succeed.
      return error.message.startsWith('callback_url: ')
        ? hold(
            error,
            'account',
            'BananaHub refuses the webhook URL (422). Fix or unset BANANA_WEBHOOK_URL on the workers; the batch continues by itself.',
            'callback-refused',
          )
        : {
            kind: 'invalid',
            message: `BananaHub refused the request (${status ?? 422}).`,
            text: error.message,
          };
    case 'upload-failed':
      return passing(error, 'service', 'BananaHub cannot store input images (502).');
    case 'rate-limited':
    case 'unavailable':
    case 'timeout':
    case 'network':
    case 'bad-answer':
      return passing(
        error,
        'service',
        `BananaHub is failing (${ownMessage(error)}). The batch continues by itself when the service recovers.`,
      );
  }
}

/** Nothing was sent, because there was no connection. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whether a failed create may have made a job: its answer was lost or proves nothing. */
export function mayHaveCreated(error: unknown): boolean {
  if (!(error instanceof BananaHubError)) return false;
  switch (error.code) {
    case 'timeout':
    case 'network':
      return !NEVER_CONNECTED.has(connectionFaultCode(error.cause));
    case 'unavailable':
    case 'bad-answer':
      return true;
    case 'unauthorized':
    case 'insufficient-balance':
    case 'forbidden':
    case 'job-not-found':
    case 'invalid-request':
    case 'upload-failed':
    case 'rate-limited':
    case 'paused':
      return false;
  }
}

/** Whether a create has certainly made no job. A create that we aborted is neither refused nor answered. */
export function isSurelyRefused(error: unknown): boolean {
  return error instanceof BananaHubError && !mayHaveCreated(error);
}

/** The meaning of a failed download of an image if the host is at fault; undefined if this image is. */
export function meaningOfDownloadError(error: ImageDownloadError): Meaning | undefined {
  switch (error.code) {
    case 'unavailable':
      if (error.status !== undefined && GONE_FROM_HOST.has(error.status)) return undefined;
      return hostFault(error);
    case 'network':
    case 'timeout':
      return hostFault(error);
    case 'expired':
    case 'truncated':
    case 'too-large':
    case 'unsafe-address':
      return undefined;
  }
}

const GONE_FROM_HOST = new Set([400, 404, 410]);

function hostFault(error: ImageDownloadError): Meaning {
  const message = `The image host is failing (${ownMessage(error)}). The batch continues by itself when the host recovers.`;
  return passing(error, 'service', message, IMAGE_HOST);
}

/** The code of a hold caused by the host of the images; its probe downloads one. */
export const IMAGE_HOST = 'image-host';

const BUCKET_REMEDY: Readonly<Record<StorageErrorCode, string>> = {
  'not-found': 'Restore the object of the batch that is missing.',
  'bucket-missing': 'Create the bucket, or fix AWS_ENDPOINT_URL_S3 on the workers.',
  denied:
    "Grant the workers' credentials s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket, and check their clocks.",
  'bad-credentials': "Fix or renew the workers' AWS credentials.",
  'precondition-failed': 'Another program writes to the same objects: stop it.',
  unreachable: "Check the workers' network, AWS_ENDPOINT_URL_S3 and AWS_REGION.",
  unavailable: 'Check the S3 server.',
  corrupted: 'Bytes are changed in transit: check the network and the S3 server.',
  other: 'Check AWS_REGION and the S3 server, and run: banana-batch doctor',
};

/** The meaning of a refusal or failure of the bucket. Without the object's key, since that contains a row's id, and the text enters the history. */
export function meaningOfStorageError(error: StorageError): Meaning {
  const { code } = error;
  const what = error.unreachable ?? `cannot be used (${[code, ...sdkNameOf(error)].join(', ')})`;
  const problem = `The bucket ${error.ref.bucket} ${what}. ${BUCKET_REMEDY[code]}`;
  const cause = {
    scope: 'storage',
    code,
    message: `${problem} The batch continues by itself when the bucket accepts writes again.`,
  } as const;
  switch (code) {
    case 'denied':
    case 'bad-credentials':
    case 'bucket-missing':
      return { kind: 'hold', cause };
    case 'not-found':
    case 'precondition-failed':
    case 'unreachable':
    case 'unavailable':
    case 'corrupted':
    case 'other':
      return { kind: 'passing', cause };
  }
}

/** The name of the SDK's own error, such as `AccessDenied`, if it is more specific than `Error`. */
function sdkNameOf({ cause }: StorageError): readonly string[] {
  return cause instanceof Error && cause.name !== 'Error' && /^\w{1,64}$/.test(cause.name)
    ? [cause.name]
    : [];
}

/** The meaning of any external error; undefined for a bug of ours. */
export function meaningOf(error: unknown, mode?: ModelMode): Meaning | undefined {
  if (error instanceof BananaHubError) return meaningOfApiError(error, mode);
  if (error instanceof StorageError) return meaningOfStorageError(error);
  if (error instanceof ImageDownloadError) return meaningOfDownloadError(error);
  return undefined;
}

/**
 * The failure that tells a workflow to hold the batch. Temporal does not retry it: the workflow does, after the hold.
 * `text`, from the other side, is not transferred: Temporal serializes only the fields of `ApplicationFailure`.
 */
export class BatchFault extends ApplicationFailure {
  readonly fault: BatchFaultDetails;
  readonly text: string | undefined;

  constructor(fault: BatchFaultDetails, text: string | undefined) {
    super(fault.cause.message, BATCH_FAULT, true, [fault]);
    this.fault = fault;
    this.text = text;
  }
}

/** The batch's fault; `text` is from the service or the image host. */
export function batchFault(details: BatchFaultDetails, text?: string): BatchFault {
  return new BatchFault(details, text);
}

/** The fault of a worker with the key of another account than the batch's. */
export function wrongAccount(
  { batchId }: Pick<RunRef, 'batchId'>,
  expected: string,
  own: string,
): ApplicationFailure {
  return batchFault({
    cause: {
      scope: 'account',
      code: 'wrong-account',
      message: `This batch belongs to account ${expected}, but a worker runs with the key of ${own}. Start the workers with the batch's own key and base URL; the batch continues by itself. If that key was rotated, start all workers with the new one and run: banana-batch resume ${batchId} --rebind`,
    },
  });
}

/** The fault of a worker whose service is not the one that the batch was submitted to. */
export function wrongService(expected: string | undefined, own: string): ApplicationFailure {
  const submitted =
    expected === undefined
      ? 'This batch was submitted without a configured service, but a worker runs with a sandbox, and a sandbox only makes batches that were submitted to it.'
      : `This batch was submitted to ${serviceName(expected)}, but a worker runs with ${serviceName(own)}.`;
  return batchFault({
    cause: {
      scope: 'account',
      code: 'wrong-account',
      message: `${submitted} Start the workers with the right BANANAHUB_API_KEY and BANANAHUB_BASE_URL; the batch continues by itself.`,
    },
  });
}

/** An attempt that failed for a temporary reason: Temporal retries it after `delayMs`. */
export function passingFailure(message: string, delayMs: number): ApplicationFailure {
  return ApplicationFailure.create({ type: 'PassingFault', message, nextRetryDelay: delayMs });
}

type ServiceError = BananaHubError | ImageDownloadError;

function hold(error: ServiceError, scope: HoldCause['scope'], message: string, code?: string): Meaning {
  return { kind: 'hold', cause: causeOf(error, scope, message, code), text: error.message };
}

function passing(error: ServiceError, scope: HoldCause['scope'], message: string, code?: string): Meaning {
  return { kind: 'passing', cause: causeOf(error, scope, message, code), text: error.message };
}

function causeOf(
  error: ServiceError,
  scope: HoldCause['scope'],
  message: string,
  code: string = error.code,
): HoldCause {
  const { status } = error;
  const retryAfterMs = error instanceof BananaHubError ? error.retryAfterMs : undefined;
  return {
    scope,
    code,
    message,
    ...(status !== undefined && { status }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}
