import { createBananaHubClient } from '../../bananahub/http-client.js';
import { BananaHubError } from '../../bananahub/errors.js';
import type { ApiConfig } from '../../config.js';
import { asSentence } from '../../domain/text/full-stop.js';
import { UsageError } from '../../errors.js';
import type { CommandContext } from '../terminal/command-context.js';
import { explained, isWrongBaseUrl } from '../doctor/api.js';

const WITHIN_MS = 10_000;

/**
 * Tests a configured key before anything is started with it, by reading the balance, which buys nothing. Throws a
 * UsageError if the service refuses the key or the base URL is not the API; only warns if the API cannot be reached.
 */
export async function checkKey({
  config,
  stderr,
  interrupted,
}: Pick<CommandContext, 'config' | 'stderr' | 'interrupted'>): Promise<void> {
  const { api } = config;
  if (api?.origin !== 'environment') return;
  const problem = await problemOf(api, interrupted);
  if (!problem || interrupted.aborted) return;
  if (problem.isLasting) throw new UsageError(`${problem.text} Nothing was started.`);
  stderr.write(`Warning    ${problem.text} The batch will be held until that is fixed.\n`);
}

async function problemOf(
  api: ApiConfig,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly isLasting: boolean } | undefined> {
  const client = createBananaHubClient({ ...api, timeoutMs: WITHIN_MS, connections: 1 });
  try {
    await client.getBalance(signal);
    return undefined;
  } catch (error) {
    if (!(error instanceof BananaHubError)) return undefined;
    // A key may be allowed to create but not to read the balance.
    if (error.code === 'forbidden' || error.code === 'rate-limited') return undefined;
    const { message, advice } = explained(api, error);
    return {
      text: advice ? `${asSentence(message)} ${advice}` : asSentence(message),
      isLasting: error.code === 'unauthorized' || error.code === 'bad-answer' || isWrongBaseUrl(error),
    };
  } finally {
    await client.close();
  }
}
