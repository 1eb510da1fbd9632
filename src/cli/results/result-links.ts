import { InvalidArgumentError } from '@commander-js/extra-typings';
import prettyMs from 'pretty-ms';
import type { ExtraColumn } from '../../report/results/results-table.js';
import { at, type BatchLocation } from '../../storage/layout.js';
import type { ObjectStore, SigningCredentials } from '../../storage/object-store.js';
import { minuteOf } from '../terminal/elapsed.js';
import { duration } from '../terminal/option-parsers.js';

/** The links added to results: presigned ones that expire, or those of a public URL. */
export type LinkKind =
  | { readonly kind: 'presigned'; readonly validSeconds: number }
  /** The URL of the bucket's root, without a trailing slash. */
  | { readonly kind: 'public'; readonly base: string };

/** S3's own limit. */
const MOST_SECONDS = 7 * 24 * 60 * 60;

/** `presigned:7d`, or `public:https://cdn.example`. */
export function linkKind(text: string): LinkKind {
  const [, kind = '', value = ''] = /^(presigned|public):(.+)$/is.exec(text.trim()) ?? [];
  if (kind.toLowerCase() === 'presigned') {
    const validSeconds = Math.floor(duration(value) / 1000);
    if (validSeconds < 1 || validSeconds > MOST_SECONDS) {
      throw new InvalidArgumentError(
        'Presigned links can last from 1s to 7d, the longest time that S3 allows.',
      );
    }
    return { kind: 'presigned', validSeconds };
  }
  const url = /^https?:\/\//i.test(value) && URL.canParse(value) ? new URL(value) : undefined;
  if (!url) {
    throw new InvalidArgumentError(
      'Expected presigned:DURATION such as presigned:7d, or public:https://HOST.',
    );
  }
  if (url.username + url.password + url.search + url.hash !== '') {
    throw new InvalidArgumentError(
      'The public address must have no user name, ?query or #fragment: the key of each image is appended to it.',
    );
  }
  return { kind: 'public', base: url.href.replace(/\/+$/, '') };
}

/** The column of links, and a line about their validity. Throws StorageError. */
export async function linkColumn(
  links: LinkKind,
  {
    store,
    location,
    nowMs,
  }: { readonly store: ObjectStore; readonly location: BatchLocation; readonly nowMs: number },
): Promise<{ readonly column: ExtraColumn; readonly note: string }> {
  const name = 'image_url';
  if (links.kind === 'public') {
    const { base } = links;
    return {
      column: { name, cellOf: async ({ image }) => (image === '' ? '' : `${base}/${pathOf(image)}`) },
      note: `The links in image_url do not expire. Whether ${base} serves the bucket was not checked.\n`,
    };
  }
  const { validSeconds } = links;
  const signing = { signedAtMs: nowMs, validSeconds };
  const credentials = await store.signingCredentials(location.bucket);
  return {
    column: {
      name,
      cellOf: async ({ image }) => (image === '' ? '' : store.presignGet(at(location, image), signing)),
    },
    note: expiryNote(credentials, validSeconds, nowMs),
  };
}

function pathOf(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/');
}

/** How long presigned links are really valid: never longer than the credentials that signed them. */
function expiryNote(
  { isTemporary, expiresAt }: SigningCredentials,
  validSeconds: number,
  nowMs: number,
): string {
  const endMs = nowMs + validSeconds * 1000;
  const requested = prettyMs(validSeconds * 1000);
  const secret = 'Anyone who has a link can open its image.';
  if (expiresAt && expiresAt.getTime() < endMs) {
    const left = prettyMs(Math.max(0, expiresAt.getTime() - nowMs), { compact: true });
    return `The links in image_url work only until ${minuteOf(expiresAt.toISOString())} (${left}), not for ${requested}: they expire with the temporary credentials that signed them. For longer links use long-term access keys. ${secret}\n`;
  }
  const until = minuteOf(new Date(endMs).toISOString());
  if (isTemporary && !expiresAt) {
    return `The links in image_url work until ${until} (${requested}) at the latest: they expire earlier if the temporary credentials that signed them expire earlier, which is not known. ${secret}\n`;
  }
  return `The links in image_url work until ${until} (${requested}), unless the credentials that signed them are deleted earlier. ${secret}\n`;
}
