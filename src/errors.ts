/**
 * What a person must fix before a command can do its work: shown as one line, ends with exit code 2. The message says
 * what is wrong, on what, and what to do.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A person stopped the command before it had done anything that lasts: it ends with exit code 130, without a word more. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}
