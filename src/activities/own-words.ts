import { connectionFaultCode } from '../bananahub/connection-fault.js';
import type { BananaHubError } from '../bananahub/errors.js';
import { asPart } from '../domain/full-stop.js';

/** Statuses, besides redirects, of an address that is not the API's. */
const ELSEWHERE = new Set([404, 405, 410]);

/** What may enter history of an error: no word that the service chose. */
export function ownWords({ code, status, message, cause }: BananaHubError): string {
  switch (code) {
    case 'timeout':
    case 'bad-answer':
      return asPart(message);
    case 'network':
      return `no connection: ${connectionFaultCode(cause) || 'it broke'}`;
    default: {
      const leadsElsewhere =
        status !== undefined && (ELSEWHERE.has(status) || (status > 299 && status < 400));
      const hint = leadsElsewhere ? ': BANANAHUB_BASE_URL does not lead to the API' : '';
      return status === undefined ? code : `status ${status}${hint}`;
    }
  }
}
