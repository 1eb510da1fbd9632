import { createHash } from 'node:crypto';
import type { PromptRow } from './rows/row.js';

const KEPT_LENGTH = 150;
const HASH_LENGTH = 12;

/**
 * The name of a row's image below `images/train/`, without its extension: safe in S3 keys, file systems and URLs,
 * and different for different row ids. At most 163 characters.
 *
 * ASCII letters, digits, `_`, `~` and `-` are kept; everything else, dots and slashes too, is %-encoded as UTF-8
 * bytes. A name longer than 150 characters is cut there and ends with `-` and 12 hex digits of the whole id's sha256.
 */
export function imageNameOf(rowId: string): string {
  const encoded = rowId.replaceAll(/[^A-Za-z0-9_~-]/gu, percentEncoded);
  if (encoded.length <= KEPT_LENGTH) return encoded;
  const hash = createHash('sha256').update(rowId, 'utf8').digest('hex').slice(0, HASH_LENGTH);
  return `${encoded.slice(0, KEPT_LENGTH).replace(/%[0-9A-F]?$/, '')}-${hash}`;
}

/** Whether a row's image has a name that was chosen, and not the one that its id gives it. */
export function hasChosenName({ rowId, imageName }: Pick<PromptRow, 'rowId' | 'imageName'>): boolean {
  return imageName !== imageNameOf(rowId);
}

function percentEncoded(character: string): string {
  // Half a surrogate pair has no UTF-8 form: as U+FFFD, two such ids would share one name.
  if (/^\p{Surrogate}$/u.test(character)) return `%u${hex(character.charCodeAt(0))}`;
  return Array.from(new TextEncoder().encode(character), (byte) => `%${hex(byte).padStart(2, '0')}`).join('');
}

function hex(value: number): string {
  return value.toString(16).toUpperCase();
}
