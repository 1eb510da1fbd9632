import { asPart } from './full-stop.js';

/**
 * A failure as the history has it: our own message, without any text of the service or the image host. Their text is
 * in the bucket under `textId`, 16 hex digits; absent if there was none, or if it could not be stored.
 */
export interface FailureMessage {
  readonly message: string;
  readonly textId?: string;
}

/** Only the fields of a record that the history keeps of a failure. */
export function failureMessageOf({ message, textId }: FailureMessage): FailureMessage {
  return { message, ...(textId !== undefined && { textId }) };
}

/** Our message plus the other side's text, for users. */
export function withText(message: string, text: string): string {
  return `${asPart(message)}: ${text}`;
}
