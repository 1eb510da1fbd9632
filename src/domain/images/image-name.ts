import { createHash } from 'node:crypto';
import type { PromptRow } from '../rows/row.js';

/** Longest name of an image with its folders, in bytes of UTF-8: leaves room for a batch's prefix in the 1,024 of S3. */
export const MAX_NAME_BYTES = 700;
/** Longest name of a file or folder on the usual disks, in bytes. */
const MAX_SEGMENT_BYTES = 255;
/** The longest of the extensions that an image may get. */
const LONGEST_EXTENSION = '.webp';

const IMAGE_EXTENSIONS = /(?:\s*\.(?:png|jpe?g|webp))+$/i;
const METADATA_FILE = /^metadata\.(?:jsonl|csv|parquet)$/i;
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i;
/** Control characters, line and paragraph separators, and code points that are not characters: none fits in S3's XML. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/u;
const RESERVED_ON_WINDOWS = /[<>:"|?*]/;

/**
 * The name that a person's text means: trimmed, as Unicode NFC, without extensions of images at its end, since the
 * image's own type decides those. A name goes through unchanged, so that it may be given again.
 */
export function imageNameIn(text: string): string {
  const name = text.trim().normalize('NFC');
  // What is too long is refused: there is no need to look for its end.
  return name.length > MAX_NAME_BYTES ? name : name.replace(IMAGE_EXTENSIONS, '').trimEnd();
}

/**
 * The rule that a name from `imageNameIn` breaks, as a sentence, or undefined for one that is a legal object key and
 * file everywhere, with any image's extension behind it.
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

/** Whether a text, as UTF-8, has at most this many bytes. */
function fitsIn(text: string, bytes: number): boolean {
  // A UTF-16 unit has three bytes of UTF-8 at most.
  return text.length * 3 <= bytes || ENCODER.encode(text).length <= bytes;
}

const ENCODER = new TextEncoder();

/** Whether Hugging Face takes a folder of the name for a split of its own, so that `split="train"` must be asked for. */
export function looksLikeSplit(name: string): boolean {
  return name
    .split('/')
    .slice(0, -1)
    .some((folder) => SPLIT_FOLDER.test(folder));
}

/** By `datasets`: words of splits other than train, with anything but letters around them. */
const SPLIT_FOLDER =
  /(?:^|[-._ 0-9])(?:test|testing|eval|evaluation|validation|valid|dev|val)(?:[-._ 0-9]|$)/;

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
