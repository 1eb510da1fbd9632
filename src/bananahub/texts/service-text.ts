import { secretRedactor, type Redact } from './redact-secrets.js';

const MAX_LENGTH = 300;
/** The rest of a text is ignored: a page of a megabyte must not cost time. */
const MAX_READ = 20_000;

const withoutUrlSecrets = secretRedactor([]);

/**
 * Text of the service for errors, logs and files: one line, at most 300 characters, without the secrets that `redact`
 * knows, and with all URLs stripped of query, fragment and user, which may contain signatures and keys. Secrets are
 * removed before anything is cut.
 */
export function publicText(text: string, redact: Redact = withoutUrlSecrets): string {
  const line = redact(text.slice(0, MAX_READ))
    .replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
  const characters = Array.from(line);
  return characters.length <= MAX_LENGTH ? line : `${characters.slice(0, MAX_LENGTH - 1).join('')}…`;
}

/** Whether a text of the service says that the project or model is paused. Source: the API contract, "Errors". */
export function saysPaused(text: string): boolean {
  return /\bpaused\b|\bhigh load\b/i.test(text);
}
