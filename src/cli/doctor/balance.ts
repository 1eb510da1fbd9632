import { createBananaHubClient } from '../../bananahub/http-client.js';
import type { AccountId } from '../../bananahub/client.js';
import { BananaHubError } from '../../bananahub/errors.js';
import { requireParts, type ApiConfig } from '../../config.js';
import { asSentence } from '../../domain/text/full-stop.js';
import { UsageError } from '../../errors.js';
import { ownAccount } from '../terminal/batch-access.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { explained } from './api.js';
import { writeText } from '../terminal/table.js';

export interface BalanceOptions {
  readonly json: boolean;
}

const WITHIN_MS = 10_000;

/** The account's balance as the service reports it. Throws a UsageError that says what to fix if it does not. */
export const balance: Command<BalanceOptions> = async ({ config, stdout, interrupted }, { json }) => {
  const { api } = requireParts(config, ['api']);
  const account = ownAccount(config);
  const held = await readHeld(api, interrupted);
  const origin = new URL(api.baseUrl).origin;
  const isSandbox = api.origin === 'stack';
  await writeText(
    stdout,
    json
      ? `${JSON.stringify({ account: account ?? null, origin, sandbox: isSandbox, ...held })}\n`
      : text(account, isSandbox ? `${origin}, this folder's sandbox: play money` : origin, held),
  );
  return EXIT.ok;
};

interface Held {
  readonly balance: string;
  readonly reserved: string;
  readonly available: string;
}

async function readHeld(api: ApiConfig, interrupted: AbortSignal): Promise<Held> {
  const client = createBananaHubClient({ ...api, timeoutMs: WITHIN_MS, connections: 1 });
  try {
    const { balance: whole, reserved, available } = await client.getBalance(interrupted);
    return { balance: whole, reserved, available };
  } catch (error) {
    if (!(error instanceof BananaHubError)) throw error;
    const { message, advice } = explained(api, error);
    throw new UsageError(advice ? `${asSentence(message)} ${advice}` : message, { cause: error });
  } finally {
    await client.close();
  }
}

function text(account: AccountId | undefined, where: string, held: Held): string {
  const lines: readonly (readonly [name: string, value: string])[] = [
    ['Account', `${account?.replace(/^.*#/, '#') ?? 'unknown'} at ${where}`],
    ['Balance', held.balance],
    ['Reserved', `${held.reserved} for unfinished jobs`],
    ['Available', held.available],
  ];
  return lines.map(([name, value]) => `${name.padEnd(10)} ${value}\n`).join('');
}
