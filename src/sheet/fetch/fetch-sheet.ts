import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UsageError } from '../../errors.js';
import { sheetLabel } from '../index.js';
import type { ObjectRef, ObjectStore } from '../../storage/object-store.js';
import { downloadSheet, type SheetAccess } from './download-sheet.js';
import type { PathBase } from './sheet-inputs.js';

/** The place of a sheet that is not a local file. */
export type SheetAddress =
  | { readonly kind: 'object'; readonly ref: ObjectRef }
  | { readonly kind: 'web'; readonly url: URL };

/** The address in a text: `s3://bucket/key` or http(s); undefined for any other text. Throws a UsageError for an unusable address. */
export function sheetAddressIn(text: string): SheetAddress | undefined {
  if (/^https?:\/\//i.test(text)) {
    if (URL.canParse(text)) return { kind: 'web', url: new URL(text) };
    throw new UsageError(`${sheetLabel(text)} is not an address: expected https://host/path.`);
  }
  if (!text.startsWith('s3://')) return undefined;
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (bucket && key) return { kind: 'object', ref: { bucket, key } };
  throw new UsageError(`${sheetLabel(text)}: expected s3://bucket/key.`);
}

/** The base of relative paths in the sheet at an address. */
export function pathBaseOf(address: SheetAddress): PathBase {
  if (address.kind === 'web') return { kind: 'nowhere' };
  const { bucket, key } = address.ref;
  const folder = path.posix.dirname(key);
  return { kind: 'bucket', bucket, prefix: folder === '.' ? '' : `${folder}/` };
}

/**
 * Writes the present sheet at an address to a local file, byte for byte; returns the name used for it from then on,
 * without user and query. Throws StorageError, and as `downloadSheet` does.
 */
export async function fetchSheet(
  address: SheetAddress,
  {
    copy,
    access,
    openStore,
    signal,
    onBytes,
  }: {
    readonly copy: string;
    /** For a web URL. */
    readonly access: SheetAccess;
    /** Called only if the sheet is an object. */
    readonly openStore: () => ObjectStore;
    readonly signal: AbortSignal;
    /** Called for every piece from the web; `total` if the server reports it. */
    readonly onBytes?: (received: number, total: number | undefined) => void;
  },
): Promise<string> {
  if (address.kind === 'object') {
    const { bucket, key } = address.ref;
    await pipeline(await openStore().read(address.ref, signal), createWriteStream(copy), { signal });
    return `s3://${bucket}/${key}`;
  }
  const { url } = address;
  const name = await downloadSheet({ url, access, copy, signal, onBytes: onBytes ?? (() => undefined) });
  return name ?? sheetLabel(url.href);
}
