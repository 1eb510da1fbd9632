/** The meaning of a refusal of the API, or of a missing answer. Source: the API contract, "Errors". */
export type BananaHubErrorCode =
  /** 401: the key is missing or wrong. */
  | 'unauthorized'
  /** 402: the balance does not cover the price. */
  | 'insufficient-balance'
  /** 403: the key may not use this model or endpoint. */
  | 'forbidden'
  /** 404 on a job: unknown, or another account's. */
  | 'job-not-found'
  /** 422 and other 4xx that a retry cannot fix: the row's own fault. */
  | 'invalid-request'
  /** 502 of a create: the service could not store the input images. No job was made. */
  | 'upload-failed'
  /** 429. */
  | 'rate-limited'
  /** 503, or a body that says the project or model is paused. */
  | 'paused'
  /** 408, 409, 425, 5xx and 520–527, mostly with HTML. */
  | 'unavailable'
  /** No answer within the time limit. */
  | 'timeout'
  /** No connection, or a broken one. */
  | 'network'
  /** A 2xx with a body that violates the contract. */
  | 'bad-answer';

/** A failed call of the API. The message is the service's own text if there is any (at most 300 characters), never a URL with a signature, never the key. */
export class BananaHubError extends Error {
  override readonly name = 'BananaHubError';
  readonly code: BananaHubErrorCode;
  readonly status: number | undefined;
  /** The wait that the service requested (Retry-After in either form). */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: BananaHubErrorCode,
    message: string,
    options: ErrorOptions & { readonly status?: number; readonly retryAfterMs?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}
