import type { ImageType } from './outcome.js';

/** The folder of uploaded input images below a batch's root. */
export const INPUT_IMAGES_FOLDER = 'inputs/images/';

const UPLOADED = /^(?:.*\/)?inputs\/images\/([0-9a-f]{64})\.(png|jpg|webp)$/s;

/** How a row names an input image in its batch: by its key below the batch's root, which contains the digest of its bytes. */
export function uploadedInput({
  sha256,
  type,
}: {
  readonly sha256: string;
  readonly type: ImageType;
}): string {
  return `${INPUT_IMAGES_FOLDER}${sha256}.${type}`;
}

/** The uploaded input image with this full or relative key; undefined for any other text. */
export function uploadedAt(key: string): { readonly sha256: string; readonly type: ImageType } | undefined {
  const [, sha256, type] = UPLOADED.exec(key) ?? [];
  return sha256 !== undefined && (type === 'png' || type === 'jpg' || type === 'webp')
    ? { sha256, type }
    : undefined;
}

/** Whether a row's input image is in its batch; otherwise it is an http(s) URL. */
export function isUploaded(inputImage: string): boolean {
  return inputImage.startsWith(INPUT_IMAGES_FOLDER);
}

/** The part of a row's input image that its content hash covers. */
export function identityOfInput(inputImage: string): string {
  const uploaded = isUploaded(inputImage) ? uploadedAt(inputImage) : undefined;
  return uploaded ? `sha256:${uploaded.sha256}` : inputImage;
}

/** A URL without parts that may be secret: user, query and fragment. Any other text is returned unchanged. */
export function publicAddress(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  return text.replace(/[?#].*$/s, '').replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1');
}

const NEEDS_QUOTES = /[\s|"]/;

/** Input images as one cell of a sheet: separated by spaces, quoted if they contain a space, a bar or a quote. */
export function inputImagesCell(entries: readonly string[]): string {
  return entries
    .map((entry) => (NEEDS_QUOTES.test(entry) ? `"${entry.replaceAll('"', '""')}"` : entry))
    .join(' ');
}

/**
 * The entries of such a cell as users write it: separated by bars if one is outside quotes, else by white space;
 * quotes around an entry are removed, and a doubled quote inside is one quote.
 */
export function inputImagesIn(cell: string): readonly string[] {
  const hasBar = cell.replaceAll(/"(?:[^"]|"")*"/g, '').includes('|');
  const entries = cell.match(hasBar ? /(?:"(?:[^"]|"")*"|[^|])+/g : /(?:"(?:[^"]|"")*"|\S)+/g) ?? [];
  return entries.map((entry) => unquoted(entry.trim())).filter((entry) => entry !== '');
}

function unquoted(entry: string): string {
  const [, inside] = /^"((?:[^"]|"")*)"$/.exec(entry) ?? [];
  return inside === undefined ? entry : inside.replaceAll('""', '"').trim();
}
