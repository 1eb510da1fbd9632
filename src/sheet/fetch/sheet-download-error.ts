import prettyBytes from 'pretty-bytes';
import { connectionFaultCode, connectionFaultText } from '../../bananahub/http/connection-fault.js';
import { UnsafeAddressError } from '../../bananahub/images/download-agent.js';
import { UsageError } from '../../errors.js';
import { sheetLabel } from '../index.js';

/** A sheet that is not available at its address; the message is one line for users, without query or user. */
export class SheetDownloadError extends UsageError {
  /** It may become available later without any fix. */
  readonly isPassing: boolean;

  constructor(message: string, options: ErrorOptions & { readonly isPassing: boolean }) {
    super(message, options);
    this.isPassing = options.isPassing;
  }
}

/** The refusal of a download that broke with `error` after this many bytes. */
export function refusedDownload(error: unknown, url: URL, receivedBytes: number): Error {
  if (error instanceof SheetDownloadError) return error;
  const label = sheetLabel(url.href);
  if (error instanceof UnsafeAddressError) {
    return new SheetDownloadError(
      `${label}: it leads to ${error.host}, an address in a private or reserved network, which is not allowed. In a command, use the sheet's own address in that network; for schedules, set BANANA_ALLOW_PRIVATE_ADDRESSES=true on the workers. Reserved and link-local addresses are never allowed.`,
      { cause: error, isPassing: false },
    );
  }
  return new SheetDownloadError(`${label}: ${reason(error, receivedBytes)}.`, {
    cause: error,
    isPassing: !isDistrust(codeOf(error)),
  });
}

function reason(error: unknown, receivedBytes: number): string {
  const code = codeOf(error);
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its host cannot be found. Check the address and the network';
    case 'ECONNREFUSED':
      return 'its host refuses the connection. Check the address';
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'UND_ERR_HEADERS_TIMEOUT':
      return 'its host does not answer. Try again later';
    case 'UND_ERR_BODY_TIMEOUT':
      return `the server stopped sending after ${prettyBytes(receivedBytes)}. Try again`;
    case 'UND_ERR_SOCKET':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
    case 'ECONNRESET':
    case 'HPE_INVALID_EOF_STATE':
      return `the connection was lost after ${prettyBytes(receivedBytes)}. Try again`;
    case 'ENOSPC':
      return 'the disk is full. Make room in the temporary folder, or set TMPDIR';
    default:
      if (isDistrust(code)) {
        return `its host cannot be trusted (${code}). If it is your own, name its certificate in NODE_EXTRA_CA_CERTS`;
      }
      return `it cannot be fetched (${code || connectionFaultText(error)})`;
  }
}

function isDistrust(code: string): boolean {
  return /CERT|SSL|TLS|SIGNATURE|ISSUER/.test(code);
}

/** The first informative code: several addresses tried at once fail with an error that has no code of its own. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(codeOf).find((code) => code !== '') ?? '';
  return connectionFaultCode(error);
}
