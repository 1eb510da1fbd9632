import { UsageError } from './errors.js';

/** The value of a part, and what is wrong with it: then it must not be used, but is not missing either. */
export interface Reading<Value> {
  readonly value: Value;
  readonly problems: readonly string[];
}

/** Runs `read`, which adds errors to the list that it gets. */
export function reading<Value>(read: (problems: string[]) => Value): Reading<Value> {
  const problems: string[] = [];
  return { value: read(problems), problems };
}

/** An object of these parts. Reading an invalid one throws a UsageError with all its errors, so that it never seems to be unconfigured. */
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
