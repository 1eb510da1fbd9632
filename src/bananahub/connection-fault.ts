/** What broke a connection, in words: several addresses tried at once fail with an AggregateError that has none of its own. */
export function connectionFaultText(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map(connectionFaultText))].join('; ');
  }
  if (!(error instanceof Error)) return String(error);
  return error.message || connectionFaultCode(error) || error.name;
}

/** The code of a Node or undici error, empty where it has none. */
export function connectionFaultCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
