import { readFileSync } from 'node:fs';

/** Whether a text can be sent as an API key. */
export function isApiKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** The key in a file, without surrounding white space; undefined if the file is unreadable or has no key. */
export function readKeyFile(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return isApiKey(text) ? text : undefined;
  } catch {
    return undefined;
  }
}
