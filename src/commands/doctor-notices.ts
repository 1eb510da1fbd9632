import type { Config } from '../config.js';
import type { NoticeConfig } from '../status/notices/notice-config.js';
import { noticeOf } from '../status/notices/notice-body.js';
import { receiverProblem } from '../status/notices/known-receiver.js';
import { createNoticeSender } from '../status/notices/notice-sender.js';
import { check, ok, problem, type CheckResult, type Finding } from '../cli/doctor/check.js';

/**
 * Who is told how batches fare; nothing where no one is. `test`: sends a signed notice of type `test`, and says what
 * came back.
 */
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
