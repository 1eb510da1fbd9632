/** Plain texts with which receivers report a failure in an answer of status 200, including Microsoft Teams' old connectors. */
const FAILURE_TEXT = /^\s*"?(?:webhook message delivery failed|error\b|failed\b|invalid_)/i;

const FAILED_STATES = new Set(['error', 'fail', 'failed', 'failure']);

/**
 * What shows that the body of a 2xx answer reports a failure: a JSON field, as in `{"ok": false}` or `{"errcode":
 * 40035}`, or a plain text. Undefined if it reports none. Never quotes a value: the body may repeat a secret URL.
 */
export function reportedFailure(body: string): string | undefined {
  const json = parsed(body);
  if (typeof json === 'string') return FAILURE_TEXT.test(json) ? 'an error text' : undefined;
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const found = Object.entries(json).find(([name, value]) => reportsFailure(name.toLowerCase(), value));
  return found && `the field "${found[0].toLowerCase()}"`;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function reportsFailure(name: string, value: unknown): boolean {
  switch (name) {
    case 'ok':
    case 'success':
      return value === false || value === 'false';
    case 'error':
    case 'errors':
      return !isEmpty(value);
    case 'errcode':
    case 'errorcode':
    case 'error_code':
      return !isEmpty(value) && value !== '0';
    case 'status':
    case 'result':
      return typeof value === 'string' && FAILED_STATES.has(value.toLowerCase());
    // 0, or the HTTP status of the answer itself, means success.
    case 'code':
    case 'statuscode':
      return typeof value === 'number' && value !== 0 && (value < 200 || value > 299);
    default:
      return false;
  }
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return !value || (typeof value === 'object' && Object.keys(value).length === 0);
}
