export type ImageDownloadErrorCode =
  /** The URL is no longer valid: request a fresh one from the job. */
  | 'expired'
  /** The body was shorter or longer than declared, or was interrupted. */
  | 'truncated'
  | 'too-large'
  /** The host answered, but not with the image. */
  | 'unavailable'
  /** No connection, or one that broke before the body. */
  | 'network'
  | 'timeout'
  /** The URL, or a redirect of it, leads to a private or reserved address, or is not http(s). */
  | 'unsafe-address';

/** A failed download of a result image. The message names the host and never the URL, which is secret while it is valid. */
export class ImageDownloadError extends Error {
  override readonly name = 'ImageDownloadError';
  readonly code: ImageDownloadErrorCode;
  readonly status: number | undefined;

  constructor(
    code: ImageDownloadErrorCode,
    message: string,
    options: ErrorOptions & { readonly status?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
  }
}
