import { sharedSignal } from '../../network/shared-signal.js';
import { StorageError, type StorageErrorCode } from '../object-store.js';
import { networkFaultText, requestOriginOf } from './s3-network-fault.js';

/** The call and its place, as text for the message: `put s3://bucket/key`. */
export interface S3Call {
  readonly action: string;
  readonly bucket: string;
  readonly key?: string;
}

/** The common fields of the SDK's errors, as far as present. */
interface S3Fault {
  readonly name: string;
  /** Node's error code for broken connections, else empty. */
  readonly systemCode: string;
  readonly status: number | undefined;
  readonly message: string;
}

const CODES_BY_NAME: Readonly<Record<string, StorageErrorCode>> = {
  NoSuchKey: 'not-found',
  NotFound: 'not-found',
  NoSuchBucket: 'bucket-missing',
  AccessDenied: 'denied',
  AllAccessDisabled: 'denied',
  AccountProblem: 'denied',
  RequestTimeTooSkewed: 'denied',
  InvalidAccessKeyId: 'bad-credentials',
  SignatureDoesNotMatch: 'bad-credentials',
  ExpiredToken: 'bad-credentials',
  ExpiredTokenException: 'bad-credentials',
  InvalidToken: 'bad-credentials',
  TokenRefreshRequired: 'bad-credentials',
  // versitygw's answer to an unknown access key, with 404.
  XAdminUserNotFound: 'bad-credentials',
  CredentialsProviderError: 'bad-credentials',
  TokenProviderError: 'bad-credentials',
  PreconditionFailed: 'precondition-failed',
  BadDigest: 'corrupted',
  InvalidDigest: 'corrupted',
  XAmzContentSHA256Mismatch: 'corrupted',
  NotImplemented: 'other',
  // Temporary, although their status is 4xx.
  ConditionalRequestConflict: 'unavailable',
  OperationAborted: 'unavailable',
  IncompleteBody: 'unavailable',
  RequestTimeout: 'unavailable',
  SlowDown: 'unavailable',
  TimeoutError: 'unreachable',
  NoAnswer: 'unreachable',
};

const CODES_BY_STATUS: Readonly<Record<number, StorageErrorCode>> = {
  401: 'bad-credentials',
  403: 'denied',
  404: 'not-found',
  408: 'unavailable',
  412: 'precondition-failed',
  429: 'unavailable',
  // The server does not support the request, and will not at the next attempt either.
  501: 'other',
};

const UNREACHABLE =
  /^(E(CONN(REFUSED|RESET|ABORTED)|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_AGAIN|NOTFOUND|PROTO)|ENOTFOUND|CERT_.*|ERR_(TLS|SSL)_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/;

const ADVICE: Readonly<Record<StorageErrorCode, string>> = {
  'not-found': '',
  'bucket-missing': 'The bucket does not exist: check its name and AWS_ENDPOINT_URL_S3, or create it.',
  denied:
    'The credentials may not do this: grant s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket.',
  'bad-credentials':
    'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or set AWS_PROFILE or a role.',
  'precondition-failed': '',
  unreachable: 'Check the network, AWS_ENDPOINT_URL_S3 and AWS_REGION.',
  unavailable: '',
  corrupted: 'The bytes were changed in transit.',
  other: '',
};

/** The `StorageError` for an error of the SDK; a `StorageError` is returned unchanged. */
export function storageErrorOf(error: unknown, call: S3Call): StorageError {
  if (error instanceof StorageError) return error;
  const fault = faultOf(error);
  const code = codeOf(fault, call);
  const ref = { bucket: call.bucket, ...(call.key === undefined ? {} : { key: call.key }) };
  if (code === 'unreachable') return unreachableError(ref, error, fault, call);
  const place = call.key === undefined ? `s3://${call.bucket}` : `s3://${call.bucket}/${call.key}`;
  const status = fault.status === undefined ? '' : `${fault.status} `;
  const message = [`${call.action} ${place} failed: ${status}${summary(fault)}.`, adviceFor(code, fault)]
    .join(' ')
    .trim();
  return new StorageError(code, ref, message, { cause: error });
}

function unreachableError(
  ref: StorageError['ref'],
  error: unknown,
  fault: S3Fault,
  { action, bucket, key }: S3Call,
): StorageError {
  const origin = requestOriginOf(error);
  const at = origin === undefined ? '' : ` at ${origin}`;
  const how = networkFaultText(fault);
  const request = key === undefined ? '' : ` (${action} ${key})`;
  const what =
    how === undefined
      ? `Bucket s3://${bucket}${at} does not answer${request}.`
      : `Cannot reach bucket s3://${bucket}${at}: ${how}${request}.`;
  const where = origin === undefined ? action : `${action}, ${origin}`;
  const unreachable =
    how === undefined ? `does not answer (${where})` : `cannot be reached: ${how} (${where})`;
  return new StorageError('unreachable', ref, `${what} ${adviceFor('unreachable', fault)}`, {
    cause: error,
    unreachable,
  });
}

/** Whether an error of the SDK means that the credentials are not, or no longer, valid for a request. */
export function isRefusedAccess(error: unknown): boolean {
  const { code } = storageErrorOf(error, { action: 'ask', bucket: '' });
  return code === 'denied' || code === 'bad-credentials';
}

function codeOf(fault: S3Fault, call: S3Call): StorageErrorCode {
  // A put never lacks an object: a 404 to a conditional one means that the version to replace is gone.
  if (call.action === 'replace' && (fault.name === 'NoSuchKey' || fault.name === 'NotFound'))
    return 'precondition-failed';
  const byName = CODES_BY_NAME[fault.name];
  if (byName !== undefined) return byName;
  if (UNREACHABLE.test(fault.systemCode)) return 'unreachable';
  if (/^checksum mismatch/i.test(fault.message)) return 'corrupted';
  if (fault.status === undefined) return 'other';
  return CODES_BY_STATUS[fault.status] ?? (fault.status >= 500 ? 'unavailable' : 'other');
}

function adviceFor(code: StorageErrorCode, fault: S3Fault): string {
  if (fault.name === 'RequestTimeTooSkewed') return "This machine's clock is wrong: set it.";
  if (fault.name === 'PermanentRedirect' || fault.name === 'AuthorizationHeaderMalformed') {
    return 'The bucket is in another region: set AWS_REGION to it.';
  }
  if (/region is missing/i.test(fault.message)) return 'Set AWS_REGION.';
  return ADVICE[code];
}

function faultOf(error: unknown): S3Fault {
  if (!(error instanceof Error))
    return { name: 'Error', systemCode: '', status: undefined, message: String(error) };
  const systemCode = 'code' in error && typeof error.code === 'string' ? error.code : firstCode(error);
  return { name: error.name, systemCode, status: statusOf(error), message: error.message };
}

function firstCode(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return first instanceof Error && 'code' in first && typeof first.code === 'string' ? first.code : '';
}

function statusOf(error: Error): number | undefined {
  const metadata: unknown = '$metadata' in error ? error.$metadata : undefined;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

function summary(fault: S3Fault): string {
  // Queries of URLs may contain a signature.
  const text = fault.message
    .replaceAll(/(https?:\/\/[^\s?]*)\?\S*/g, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const named = text === '' || text === fault.name ? fault.name : `${fault.name}: ${text}`;
  const summarized = named === 'Error' || named === 'AggregateError' ? fault.systemCode || named : named;
  return summarized.slice(0, 300).replace(/\.$/, '');
}

/** Runs one call of the SDK; an error becomes the reason of an aborted `signal`, else a `StorageError`. */
export async function attemptS3<T>(
  call: S3Call,
  signal: AbortSignal | undefined,
  run: () => Promise<T>,
): Promise<T> {
  try {
    signal?.throwIfAborted();
    return await run();
  } catch (error) {
    signal?.throwIfAborted();
    throw storageErrorOf(error, call);
  }
}

/** A signal in the form that the SDK's `send` takes. */
export function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: sharedSignal(signal) };
}
