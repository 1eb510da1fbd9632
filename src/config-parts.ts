import { UsageError } from './errors.js';

/** What was read of a part, and what is wrong with it: then it must not be used, and is not missing either. */
export interface Reading<Value> {
  readonly value: Value;
  readonly problems: readonly string[];
}

/** Runs `read`, which adds what is wrong to the list that it gets. */
export function reading<Value>(read: (problems: string[]) => Value): Reading<Value> {
  const problems: string[] = [];
  return { value: read(problems), problems };
}

/**
 * An object of these parts. To read one that is wrong throws a UsageError with all that is wrong with it, so that it
 * never looks like a part that is not configured.
 */
export function partsOf<Parts extends object>(readings: {
  readonly [Name in keyof Parts]: Reading<Parts[Name]>;
}): Parts {
  const parts = {};
  for (const [name, { value, problems }] of Object.entries<Reading<unknown>>(readings)) {
    Object.defineProperty(parts, name, {
      // Spreading the object reads all parts.
      enumerable: true,
      configurable: true,
      get: () => {
        if (problems.length > 0) throw new UsageError(problems.join(' '));
        return value;
      },
    });
  }
  return parts as Parts;
}
