import { asPart } from './full-stop.js';

/**
 * A failure as history has it: our own sentence, and no text of the service or of the image host. What they said lies in
 * the bucket under `textId`, 16 hex digits; absent where they said nothing, or it could not be kept.
 */
export interface Told {
  readonly message: string;
  readonly textId?: string;
}

/** The part of a record that history has of a failure, and nothing besides. */
export function toldOf({ message, textId }: Told): Told {
  return { message, ...(textId !== undefined && { textId }) };
}

/** Our sentence with what the other side said, as people read it. */
export function withText(message: string, text: string): string {
  return `${asPart(message)}: ${text}`;
}
