import { crc32 } from 'node:zlib';
import { pngHeader, type PngHeader } from './png-header.js';

const SIGNATURE_LENGTH = 8;
/** Length, type and CRC around a chunk's data. */
const CHUNK_OVERHEAD = 12;
/** The chunks whose damage changes the picture: the critical ones, and those with an animation's pictures. Decoders skip others. */
const MATTERS = /^(?:[A-Z]|fdAT$|fcTL$)/;

const NEEDED: ReadonlySet<string> = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);

/** A PNG whose chunks are whole. */
export interface PngStructure {
  readonly header: PngHeader;
  /** The compressed picture: the data of its IDAT chunks, views into the file. */
  readonly data: readonly Uint8Array[];
  /** The chunks that a decoder needs, whole, in their order. */
  readonly needed: readonly Uint8Array[];
  readonly hasTransparency: boolean;
  /** The content of its EXIF chunk. */
  readonly exif: Uint8Array | undefined;
}

/**
 * The parts of a file with a PNG signature, or what keeps it from being whole. Checksums are compared, the compressed
 * picture is not looked into: that is `pngPictureDefect`. Source: PNG (3rd edition), 5.3, 5.6 and 11.2.
 */
export function readPng(bytes: Uint8Array): PngStructure | { readonly defect: string } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = SIGNATURE_LENGTH;
  let header: PngHeader | undefined;
  let exif: Uint8Array | undefined;
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
    seen.add(type);
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
