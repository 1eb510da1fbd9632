import { BananaHubError } from '../../bananahub/errors.js';
import { createBananaHubClient } from '../../bananahub/http-client.js';
import { isWrongAddress } from '../../bananahub/texts/error-body.js';
import type { ApiConfig, Config } from '../../config.js';
import { compareDecimals } from '../../domain/money/decimal.js';
import { getOnce } from '../../network/get-once.js';
import {
  CHECK_LIMIT_MS,
  check,
  messageOf,
  ok,
  problem,
  warning,
  type CheckResult,
  type Finding,
} from './check.js';

/** Whether the API accepts the key, by reading the balance: buys nothing. */
export async function checkApi({ api }: Pick<Config, 'api'>, interrupted: AbortSignal): Promise<CheckResult> {
  const name = 'api';
  if (!api) return { name, ...NOT_CONFIGURED };
  const checkNow = (signal: AbortSignal): Promise<Finding> => lookAtBalance(api, signal);
  return check(name, interrupted, checkNow, (error) => explained(api, error));
}

const NOT_CONFIGURED = problem(
  'No API key is configured.',
  'Set BANANAHUB_API_KEY, or start local servers with a sandbox: npx banana-batch dev',
);

async function lookAtBalance(api: ApiConfig, signal: AbortSignal): Promise<Finding> {
  const client = createBananaHubClient({ ...api, timeoutMs: CHECK_LIMIT_MS - 1_000, connections: 1 });
  try {
    const { available, reserved } = await client.getBalance(signal);
    const message = `${originOf(api)} accepts the key: ${available} available, ${reserved} reserved.`;
    return compareDecimals(available, '0') > 0
      ? ok(message)
      : warning(message, 'Top up the account: batches are held until the balance covers a generation.');
  } finally {
    await client.close();
  }
}

function originOf({ baseUrl }: ApiConfig): string {
  return new URL(baseUrl).origin;
}

/** The meaning of a failed read of the balance, and what to do. */
export function explained(api: ApiConfig, error: unknown): Finding {
  const message = `${originOf(api)}: ${messageOf(error)}`;
  if (!(error instanceof BananaHubError)) return problem(messageOf(error));
  if (isWrongBaseUrl(error)) {
    return problem(messageOf(error), 'Set BANANAHUB_BASE_URL to the address of the API, path included.');
  }
  switch (error.code) {
    case 'unauthorized':
      return problem(
        message,
        'The key is not accepted: check BANANAHUB_API_KEY (or BANANAHUB_API_KEY_FILE), and that the key belongs to BANANAHUB_BASE_URL.',
      );
    case 'forbidden':
      return problem(message, 'The key may not read the balance: check its permissions.');
    case 'network':
    case 'timeout':
      return problem(message, 'Check the network and BANANAHUB_BASE_URL.');
    case 'rate-limited':
      return warning(message, 'The key works, but its request rate is used up at the moment.');
    case 'paused':
    case 'unavailable':
      return problem(
        message,
        'The service is failing; batches are held until it recovers. Check again later.',
      );
    case 'insufficient-balance':
    case 'invalid-request':
    case 'upload-failed':
    case 'job-not-found':
    case 'bad-answer':
      return problem(
        message,
        'Check that BANANAHUB_BASE_URL is the address of the API, such as https://bananahub.io/api/v1.',
      );
  }
}

/** Whether an answer shows that the base URL is not the API's; its message says so. */
export function isWrongBaseUrl({ status }: BananaHubError): boolean {
  return status !== undefined && isWrongAddress(status, 'balance');
}

const CLOCK_TOLERANCE_MS = 60_000;

/** Whether this machine's clock agrees with a server's within a minute: S3 signatures and the expiry of URLs depend on it. */
export async function checkClock(
  { api, bucket }: Pick<Config, 'api' | 'bucket'>,
  interrupted: AbortSignal,
): Promise<CheckResult> {
  const name = 'clock';
  const url = api?.baseUrl ?? bucket?.s3.endpoint;
  if (url === undefined || !URL.canParse(url)) {
    return {
      name,
      ...warning(
        'Not compared: no server is configured to compare the clock with.',
        'Set BANANAHUB_API_KEY.',
      ),
    };
  }
  const unknown = (why: string): Finding =>
    warning(`Not compared with ${new URL(url).origin}: ${why}`, "Check this machine's clock.");
  return check(
    name,
    interrupted,
    async (signal) => {
      const askedMs = Date.now();
      const { date, answeredMs } = await getOnce(url, signal, async ({ headers, body }) => {
        body.on('error', () => undefined).destroy();
        return { date: String(headers['date']), answeredMs: Date.now() };
      });
      const serverMs = Date.parse(date);
      if (Number.isNaN(serverMs)) return unknown('its answer has no date.');
      return clockFinding(serverMs - (askedMs + answeredMs) / 2, new URL(url).origin);
    },
    (error) => unknown(messageOf(error)),
  );
}

/** The finding if a server's clock is ahead by `aheadMs`. A Date header is in whole seconds. */
export function clockFinding(aheadMs: number, origin: string): Finding {
  if (Math.abs(aheadMs) <= CLOCK_TOLERANCE_MS) return ok(`Agrees with ${origin} to within a minute.`);
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  return warning(
    `This machine's clock is ${seconds} s ${aheadMs > 0 ? 'behind' : 'ahead of'} ${origin}.`,
    'Set the clock (NTP): S3 refuses signatures that are 15 minutes off, and image URLs look expired.',
  );
}
