/** What a person must fix before a command can do its work: shown as one line, with exit code 2. The message says what is wrong, with what, and what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A person stopped the command before it had any lasting effect: exit code 130, without a message. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}
