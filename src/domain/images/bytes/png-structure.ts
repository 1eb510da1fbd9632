import { crc32 } from 'node:zlib';
import { pngHeader, type PngHeader } from './png-header.js';

const SIGNATURE_LENGTH = 8;
/** Length, type and CRC around a chunk's data. */
const CHUNK_OVERHEAD = 12;
/** The chunks whose damage changes the picture: the critical ones, and those with an animation's pictures. Decoders skip others. */
const MATTERS = /^(?:[A-Z]|fdAT$|fcTL$)/;

const NEEDED: ReadonlySet<string> = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);

/** A PNG with complete chunks. */
export interface PngStructure {
  readonly header: PngHeader;
  /** The compressed picture: the data of its IDAT chunks, views into the file. */
  readonly data: readonly Uint8Array[];
  /** The chunks that a decoder needs, complete and in order. */
  readonly needed: readonly Uint8Array[];
  readonly hasTransparency: boolean;
  /** The content of its EXIF chunk. */
  readonly exif: Uint8Array | undefined;
}

/**
 * The parts of a file with a PNG signature, or why it is incomplete. Compares checksums; the compressed picture is
 * checked by `pngPictureDefect`. Refuses an order of chunks that decoders refuse, and ignores the content of
 * ancillary chunks. Source: PNG (3rd edition), 5.3, 5.6 and 11.2.
 */
export function readPng(bytes: Uint8Array): PngStructure | { readonly defect: string } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = SIGNATURE_LENGTH;
  let header: PngHeader | undefined;
  let exif: Uint8Array | undefined;
  let before = '';
  const [data, needed, seen]: [Uint8Array[], Uint8Array[], Set<string>] = [[], [], new Set()];
  while (offset + CHUNK_OVERHEAD <= bytes.length) {
    const dataLength = view.getUint32(offset);
    const end = offset + CHUNK_OVERHEAD + dataLength;
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    if (!/^[A-Za-z]{4}$/.test(type)) return { defect: 'a chunk has no valid type' };
    if (end > bytes.length) return { defect: `it ends inside its ${type} chunk` };
    if (MATTERS.test(type) && crc32(bytes.subarray(offset + 4, end - 4)) !== view.getUint32(end - 4)) {
      return { defect: `the checksum of its ${type} chunk does not match` };
    }
    const content = bytes.subarray(offset + 8, end - 4);
    if (!header) {
      if (type !== 'IHDR' || dataLength !== 13) return { defect: 'it does not start with a header' };
      header = pngHeader(content);
      if (!header) return { defect: 'its header is not valid' };
    }
    const defect =
      placeDefect(type, before, seen) ?? (type === 'PLTE' && paletteDefect(header, content, seen));
    if (defect) return { defect };
    seen.add(type);
    before = type;
    if (NEEDED.has(type)) needed.push(bytes.subarray(offset, end));
    if (type === 'eXIf') exif = content;
    if (type === 'IDAT') data.push(content);
    if (type === 'IEND') {
      if (data.every(({ length }) => length === 0)) return { defect: 'it has no image data' };
      if (header.needsPalette && !seen.has('PLTE')) return { defect: 'it has no palette' };
      if (end !== bytes.length) return { defect: 'there are bytes after its end' };
      return { header, data, needed, hasTransparency: seen.has('tRNS'), exif };
    }
    offset = end;
  }
  return { defect: 'it ends before its last chunk' };
}

const AT_MOST_ONCE: ReadonlySet<string> = new Set(['IHDR', 'PLTE']);

/** Why a chunk of this type may not follow these; undefined if it may. */
function placeDefect(type: string, before: string, seen: ReadonlySet<string>): string | undefined {
  if (AT_MOST_ONCE.has(type) && seen.has(type)) return `it has more than one ${type} chunk`;
  if (type === 'IDAT' && before !== type && seen.has(type))
    return 'other chunks stand between its image data';
  return undefined;
}

/** The same for a palette. In a true-color picture it is only a suggestion, which decoders ignore. */
function paletteDefect(
  { needsPalette }: PngHeader,
  { length }: Uint8Array,
  seen: ReadonlySet<string>,
): string | undefined {
  if (!needsPalette) return undefined;
  if (seen.has('IDAT')) return 'its palette comes after its image data';
  return length === 0 || length % 3 > 0 || length > MAX_PALETTE_LENGTH
    ? 'its palette is not valid'
    : undefined;
}

/** 256 colors. */
const MAX_PALETTE_LENGTH = 768;
