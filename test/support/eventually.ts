import { setTimeout as delay } from 'node:timers/promises';

/**
 * The first value of `condition` that is neither false nor undefined. A condition that throws does not hold yet.
 * @throws after `withinMs` (default 10 s), naming `what` and with the last error as cause.
 */
export async function eventually<Value>(
  condition: () => Value | Promise<Value>,
  { what, withinMs = 10_000, everyMs = 25 }: { what: string; withinMs?: number; everyMs?: number },
): Promise<Exclude<Value, false | undefined>> {
  const deadline = performance.now() + withinMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await condition();
      if (holds(value)) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    await delay(everyMs);
  }
  throw new Error(`Not within ${String(withinMs)} ms: ${what}`, { cause: lastError });
}

function holds<Value>(value: Value): value is Exclude<Value, false | undefined> {
  return value !== false && value !== undefined;
}
