import { setTimeout as delay } from 'node:timers/promises';

/** Between looks that ask a server, which cost what is looked at its time too: this, and four times what one took. */
const ASKING_EVERY_MS = 100;

/** How often the time is given that a test grants: a machine of CI may have other work. */
const PATIENCE = process.env['CI'] ? 3 : 1;

/**
 * The first value of `condition` that is neither false nor undefined. A condition that throws does not hold yet. It is
 * looked at every `everyMs` (default 25 ms; more seldom, unless given, where it is asynchronous).
 * @throws after `withinMs` (default 10 s; in CI three times as long), naming `what` and with the last error as cause.
 */
export async function eventually<Value>(
  condition: () => Value | Promise<Value>,
  { what, withinMs = 10_000, everyMs }: { what: string; withinMs?: number; everyMs?: number },
): Promise<Exclude<Value, false | undefined>> {
  const patienceMs = PATIENCE * withinMs;
  const deadline = performance.now() + patienceMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    const lookedAt = performance.now();
    let isAsked = false;
    try {
      const looked = condition();
      isAsked = looked instanceof Promise;
      const value = await looked;
      if (holds(value)) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    const pauseMs = isAsked ? Math.max(ASKING_EVERY_MS, 4 * (performance.now() - lookedAt)) : 25;
    await delay(Math.min(everyMs ?? pauseMs, Math.max(0, deadline - performance.now())));
  }
  throw new Error(`Not within ${String(patienceMs)} ms: ${what}`, { cause: lastError });
}

function holds<Value>(value: Value): value is Exclude<Value, false | undefined> {
  return value !== false && value !== undefined;
}
