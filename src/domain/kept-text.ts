/**
 * How history says that the service gave a text which it must not hold itself: our own sentence, and the fingerprint by
 * which the text lies in the bucket.
 */
export interface KeptText {
  readonly sentence: string;
  /** 16 hex digits. */
  readonly fingerprint: string;
}

const FORM = /^(.*) \[text ([0-9a-f]{16})\]$/s;

/** Our sentence with the fingerprint at its end. */
export function withFingerprint({ sentence, fingerprint }: KeptText): string {
  return `${sentence} [text ${fingerprint}]`;
}

/** What a message of history consists of; undefined where it has no fingerprint. */
export function keptTextOf(message: string): KeptText | undefined {
  const [, sentence, fingerprint] = FORM.exec(message) ?? [];
  return sentence === undefined || fingerprint === undefined ? undefined : { sentence, fingerprint };
}
