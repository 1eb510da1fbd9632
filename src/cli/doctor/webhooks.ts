import { randomBytes } from 'node:crypto';
import { readBoundedText, connectionFaultText } from '../../bananahub/http/connection-fault.js';
import type { Config } from '../../config.js';
import { getOnce } from '../../network/get-once.js';
import { sameText, healthAnswer, healthPath } from '../../bananahub/webhooks/callback-path.js';
import type { WebhookConfig } from '../../bananahub/webhooks/webhook-config.js';
import { check, ok, problem, type CheckResult, type Finding } from './check.js';

/** Whether BANANA_WEBHOOK_URL leads to a receiver with this secret; nothing where no webhooks are configured. */
export async function checkWebhooks(
  { webhooks }: Pick<Config, 'webhooks'>,
  interrupted: AbortSignal,
): Promise<readonly CheckResult[]> {
  if (!webhooks) return [];
  const { url } = webhooks;
  const explain = (error: unknown): Finding =>
    problem(`${url} cannot be reached: ${connectionFaultText(error)}`, ADVICE);
  return [await check('webhooks', interrupted, (signal) => ask(webhooks, signal), explain)];
}

const ADVICE =
  'Start a receiver (npx banana-batch webhooks, or worker --webhooks PORT) and make it reachable at BANANA_WEBHOOK_URL; until then workers poll.';

async function ask({ url, secrets: [secret] }: WebhookConfig, signal: AbortSignal): Promise<Finding> {
  const nonce = randomBytes(24).toString('base64url');
  const { statusCode, text } = await getOnce(url + healthPath(nonce, secret), signal, async (answer) => ({
    statusCode: answer.statusCode,
    ...(await readBoundedText(answer.body, 1024)),
  }));
  if (statusCode === 200 && sameText(text.trim(), healthAnswer(nonce, secret))) {
    return ok(`${url} reaches a receiver with this secret.`);
  }
  return problem(
    `${url} answers ${statusCode}: it is not a receiver with this secret.`,
    `Give receivers and workers the same BANANA_WEBHOOK_SECRET. ${ADVICE}`,
  );
}
