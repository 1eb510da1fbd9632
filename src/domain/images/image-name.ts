import { createHash } from 'node:crypto';
import type { PromptRow } from '../rows/row.js';

/** Maximum length of an image name with its folders, in bytes of UTF-8; leaves room for a batch's prefix in the 1,024 of S3. */
export const MAX_NAME_BYTES = 700;
/** Maximum length of a file or folder name on common file systems, in bytes. */
const MAX_SEGMENT_BYTES = 255;
/** The longest of the image extensions. */
const LONGEST_EXTENSION = '.webp';

const IMAGE_EXTENSIONS = /(?:\s*\.(?:png|jpe?g|webp))+$/i;
const METADATA_FILE = /^metadata\.(?:jsonl|csv|parquet)$/i;
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i;
/** Control characters, line and paragraph separators, and noncharacters: S3's XML allows none of them. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/u;
const RESERVED_ON_WINDOWS = /[<>:"|?*]/;

/** The image name in a user's text: trimmed, in Unicode NFC, without image extensions at its end, since the image's type decides the extension. Idempotent. */
export function imageNameIn(text: string): string {
  const name = text.trim().normalize('NFC');
  // A name that is too long is refused anyway: do not search for its end.
  return name.length > MAX_NAME_BYTES ? name : name.replace(IMAGE_EXTENSIONS, '').trimEnd();
}

/**
 * The rule that a name from `imageNameIn` breaks, as a sentence; undefined for one that, with any image extension, is
 * a valid object key and file name on every system.
 */
export function brokenImageNameRule(name: string): string | undefined {
  if (name === '') return 'an image name must have at least one character besides the extension';
  if (/\p{Surrogate}/u.test(name)) return 'an image name must not contain half of a surrogate pair';
  if (UNPRINTABLE.test(name))
    return 'an image name must not contain control characters such as line breaks or tabs';
  if (name.includes('\\')) return 'an image name must not contain a backslash: write / between folders';
  const [reserved] = RESERVED_ON_WINDOWS.exec(name) ?? [];
  if (reserved)
    return `an image name must not contain < > : " | ? or *, which Windows does not allow: replace ${reserved}`;
  const segments = name.split('/');
  for (const [index, segment] of segments.entries()) {
    const rule = brokenSegmentRule(segment, index < segments.length - 1);
    if (rule !== undefined) return rule;
  }
  if (fitsIn(name + LONGEST_EXTENSION, MAX_NAME_BYTES)) return undefined;
  return `an image name with its folders and extension must have at most ${MAX_NAME_BYTES} bytes of UTF-8, so that its key fits into S3: shorten it`;
}

function brokenSegmentRule(segment: string, isFolder: boolean): string | undefined {
  if (segment === '') return 'an image name must have text before and after each /: remove the extra /';
  if (segment === '.' || segment === '..')
    return 'an image name must not have folders called . or ..: write the folder itself';
  if (segment.startsWith('.') || segment.startsWith('__')) {
    return `no file or folder may begin with . or __, because Hugging Face skips such files: rename ${quoted(segment)}`;
  }
  if (/[. ]$/.test(segment)) {
    return `no file or folder may end with a dot or a space, which Windows removes: rename ${quoted(segment)}`;
  }
  if (DEVICE.test(segment)) return `${quoted(segment)} is the name of a device on Windows: choose another`;
  if (isFolder && IMAGE_EXTENSIONS.test(segment)) {
    return `a folder must not end like an image file, with which it could clash: rename ${quoted(segment)}`;
  }
  if (isFolder && METADATA_FILE.test(segment)) {
    return `a folder must not have the name of a metadata file: rename ${quoted(segment)}`;
  }
  if (fitsIn(isFolder ? segment : segment + LONGEST_EXTENSION, MAX_SEGMENT_BYTES)) return undefined;
  return `a file or folder name must have at most ${MAX_SEGMENT_BYTES} bytes of UTF-8, extension included: shorten ${quoted(`${segment.slice(0, 30)}…`)}`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** Whether a text has at most this many bytes in UTF-8. */
function fitsIn(text: string, bytes: number): boolean {
  // A UTF-16 unit has at most three bytes of UTF-8.
  return text.length * 3 <= bytes || ENCODER.encode(text).length <= bytes;
}

const ENCODER = new TextEncoder();

/** Whether Hugging Face takes a folder of the name for a separate split, so that `split="train"` must be requested. */
export function looksLikeSplit(name: string): boolean {
  return name
    .split('/')
    .slice(0, -1)
    .some((folder) => SPLIT_FOLDER.test(folder));
}

/** As in `datasets`: names of splits other than train, delimited by anything but letters. */
const SPLIT_FOLDER =
  /(?:^|[-._ 0-9])(?:test|testing|eval|evaluation|validation|valid|dev|val)(?:[-._ 0-9]|$)/;

const KEPT_LENGTH = 150;
const HASH_LENGTH = 12;

/**
 * The name of a row's image below `images/train/`, without its extension: safe in S3 keys, file systems and URLs, and
 * different for different row ids. At most 163 characters.
 *
 * Keeps ASCII letters, digits, `_`, `~` and `-`; everything else, including dots and slashes, is %-encoded as UTF-8
 * bytes. A name longer than 150 characters is truncated and gets `-` and 12 hex digits of the whole id's sha256.
 */
export function imageNameOf(rowId: string): string {
  const encoded = rowId.replaceAll(/[^A-Za-z0-9_~-]/gu, percentEncoded);
  if (encoded.length <= KEPT_LENGTH) return encoded;
  const hash = createHash('sha256').update(rowId, 'utf8').digest('hex').slice(0, HASH_LENGTH);
  return `${encoded.slice(0, KEPT_LENGTH).replace(/%[0-9A-F]?$/, '')}-${hash}`;
}

/** Whether a row's image name was chosen, and not derived from the row's id. */
export function hasChosenName({ rowId, imageName }: Pick<PromptRow, 'rowId' | 'imageName'>): boolean {
  return imageName !== imageNameOf(rowId);
}

function percentEncoded(character: string): string {
  // A lone surrogate has no UTF-8 form: as U+FFFD, two such ids would share one name.
  if (/^\p{Surrogate}$/u.test(character)) return `%u${hex(character.charCodeAt(0))}`;
  return Array.from(new TextEncoder().encode(character), (byte) => `%${hex(byte).padStart(2, '0')}`).join('');
}

function hex(value: number): string {
  return value.toString(16).toUpperCase();
}
