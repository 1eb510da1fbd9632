export type EmbeddedErrorCode =
  /** A server's program is neither in its environment variable, nor on PATH, nor in the cache. */
  | 'server-missing'
  /** A server ended by itself or did not become ready in time. */
  | 'server-failed'
  /** Another process runs the stack of this folder. */
  | 'stack-running'
  /** A file below `.banana-batch/` is invalid. */
  | 'stack-data-broken';

/** Why the embedded servers cannot run; the message says what to do about it and holds no secret. */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';
  readonly code: EmbeddedErrorCode;

  constructor(code: EmbeddedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
