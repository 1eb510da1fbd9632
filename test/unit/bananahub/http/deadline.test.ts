import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { startDeadline } from '../../../../src/bananahub/http/deadline.js';

async function aborted(signal: AbortSignal): Promise<unknown> {
  if (!signal.aborted) {
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
  }
  return signal.reason;
}

describe('a deadline', () => {
  it('aborts when its time is up and reports it', async () => {
    const deadline = startDeadline(10);
    expect(await aborted(deadline.signal)).toMatchObject({ name: 'TimeoutError' });
    expect(deadline.expired()).toBe(true);
    deadline.dispose();
  });

  it('follows the caller’s signal and reason, and then has not expired', async () => {
    const caller = new AbortController();
    const deadline = startDeadline(60_000, caller.signal);
    const reason = new Error('cancelled');
    caller.abort(reason);
    expect(await aborted(deadline.signal)).toBe(reason);
    expect(deadline.expired()).toBe(false);
    deadline.dispose();
    expect(startedAndDisposed(caller.signal).signal.reason).toBe(reason);
  });

  it('leaves no listener on the caller’s signal', () => {
    const caller = new AbortController();
    const deadline = startDeadline(60_000, caller.signal);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1);
    deadline.dispose();
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
  });

  it('does not run while paused, and starts again afterwards', async () => {
    const deadline = startDeadline(20);
    deadline.pause();
    await aborted(AbortSignal.timeout(80));
    expect(deadline.signal.aborted).toBe(false);
    deadline.restart();
    await aborted(deadline.signal);
    expect(deadline.expired()).toBe(true);
    deadline.dispose();
  });
});

function startedAndDisposed(outer: AbortSignal): ReturnType<typeof startDeadline> {
  const deadline = startDeadline(60_000, outer);
  deadline.dispose();
  return deadline;
}
