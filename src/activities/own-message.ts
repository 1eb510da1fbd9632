import { connectionFaultCode } from '../bananahub/http/connection-fault.js';
import { BananaHubError } from '../bananahub/errors.js';
import type { ImageDownloadError } from '../bananahub/images/image-download-error.js';
import { isWrongAddress } from '../bananahub/texts/error-body.js';

/** Codes of Node, undici and TLS; anything else is dropped. */
const CONNECTION_CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

/** The result of a failed call, from code and status alone: no text chosen by the other side may enter the history. */
export function ownMessage(error: BananaHubError | ImageDownloadError): string {
  const { code, status } = error;
  switch (code) {
    case 'timeout':
      return 'no answer in time';
    case 'network': {
      const fault = connectionFaultCode(error.cause);
      return CONNECTION_CODE.test(fault) ? `no connection: ${fault}` : 'no connection';
    }
    case 'bad-answer':
      return status === undefined ? 'unusable answer' : `status ${status} with an unusable answer`;
    default: {
      if (status === undefined) return code;
      const isElsewhere = error instanceof BananaHubError && isWrongAddress(status, 'balance');
      return `status ${status}${isElsewhere ? ': BANANAHUB_BASE_URL is not the API' : ''}`;
    }
  }
}
