import { randomBytes } from 'node:crypto';
import { readBoundedText, connectionFaultText } from '../../bananahub/http/connection-fault.js';
import type { Config } from '../../config.js';
import { getOnce } from '../../network/get-once.js';
import { sameText, healthAnswer, healthPath } from '../../bananahub/webhooks/callback-path.js';
import type { WebhookConfig } from '../../bananahub/webhooks/webhook-config.js';
import { receiverProblem } from '../../status/notices/known-receiver.js';
import { noticeOf } from '../../status/notices/notice-body.js';
import type { NoticeConfig } from '../../status/notices/notice-config.js';
import { createNoticeSender } from '../../status/notices/notice-sender.js';
import { check, ok, problem, type CheckResult, type Finding } from './check.js';

/** Whether BANANA_WEBHOOK_URL leads to a receiver with this secret; nothing if webhooks are not configured. */
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

/** Where notices go; nothing if none are configured. `test`: sends a signed notice of type `test`, and reports the answer. */
export async function checkNotices(
  { notices }: Pick<Config, 'notices'>,
  { test }: { readonly test: boolean },
  interrupted: AbortSignal,
): Promise<readonly CheckResult[]> {
  const name = 'notices';
  if (!notices) return test ? [{ name, ...NOT_CONFIGURED }] : [];
  const known = receiverProblem(notices.url);
  if (known) return [{ name, ...problem(known.message, known.advice) }];
  if (test) return [await check(name, interrupted, (signal) => sendTest(notices, signal))];
  const { host } = new URL(notices.url);
  return [{ name, ...ok(`Notices go to ${host}. Test it with: banana-batch doctor --notify`) }];
}

const NOT_CONFIGURED = problem(
  'No notices are configured: nothing is sent when a batch ends, is held or is stuck.',
  'To get notices, set BANANA_NOTIFY_URL and BANANA_NOTIFY_SECRET here and on the workers: docs/notifications.md',
);

async function sendTest(config: NoticeConfig, signal: AbortSignal): Promise<Finding> {
  const sender = createNoticeSender(config);
  try {
    const { kind, message } = await sender.send(noticeOf({ type: 'test' }, new Date().toISOString()), signal);
    if (kind === 'taken') return ok(`A test notice was sent: ${message}`);
    const advice =
      'Check BANANA_NOTIFY_URL, and that the receiver accepts notices signed with BANANA_NOTIFY_SECRET.';
    return problem(message, kind === 'again' ? advice : undefined);
  } finally {
    await sender.close();
  }
}
