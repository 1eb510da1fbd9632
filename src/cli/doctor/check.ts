import { startDeadline } from '../../bananahub/http/deadline.js';

/** The result of one check; `advice` says what to do if it is not `ok`. */
export interface Finding {
  readonly state: 'ok' | 'warning' | 'problem';
  readonly message: string;
  readonly advice?: string;
}

/** A finding and the name of its check; scripts rely on the names. */
export interface CheckResult extends Finding {
  readonly name: string;
}

export function ok(message: string): Finding {
  return { state: 'ok', message };
}

export function warning(message: string, advice: string): Finding {
  return { state: 'warning', message, advice };
}

export function problem(message: string, advice?: string): Finding {
  return { state: 'problem', message, ...(advice && { advice }) };
}

/** Maximum duration of one check. */
export const CHECK_LIMIT_MS = 10_000;

/**
 * Runs a check for at most `CHECK_LIMIT_MS`: an error or a timeout becomes a problem with the text of `explain`, so
 * that all other checks still run. After that time `run` is no longer awaited; its signal is aborted then.
 */
export async function check(
  name: string,
  interrupted: AbortSignal,
  run: (signal: AbortSignal) => Promise<Finding>,
  explain: (error: unknown) => Finding = (error) => problem(messageOf(error)),
): Promise<CheckResult> {
  const deadline = startDeadline(CHECK_LIMIT_MS, interrupted);
  const { signal } = deadline;
  try {
    const running = run(signal);
    running.catch(() => undefined);
    return { name, ...(await Promise.race([running, rejectedOnAbort(signal)])) };
  } catch (error) {
    if (deadline.expired()) return { name, ...problem(`No answer within ${CHECK_LIMIT_MS / 1000} s.`) };
    return { name, ...explain(error) };
  } finally {
    deadline.dispose();
  }
}

function rejectedOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('interrupted'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

/** An error's own message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
