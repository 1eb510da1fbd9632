import { createHash } from 'node:crypto';

/** A number in [0, 1) that the parts determine: the same at every call. */
export function chance(...parts: readonly (string | number)[]): number {
  return createHash('sha256').update(JSON.stringify(parts)).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** One of `choices`, by a number in [0, 1). Throws if there are no choices. */
export function pick<T>(choices: readonly T[], share: number): T {
  const chosen = choices[Math.floor(share * choices.length)];
  if (chosen === undefined) throw new RangeError('nothing to choose from');
  return chosen;
}
