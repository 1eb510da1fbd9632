import { crc32 } from 'node:zlib';

const SIGNATURE_LENGTH = 8;
/** Length, type and CRC around a chunk's data. */
const CHUNK_OVERHEAD = 12;

/** What keeps a file with a PNG signature from being a whole PNG; undefined where nothing does. Source: PNG (3rd edition), 5.3 and 5.6. */
export function pngDefect(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = SIGNATURE_LENGTH;
  let dataChunks = 0;
  while (offset + CHUNK_OVERHEAD <= bytes.length) {
    const dataLength = view.getUint32(offset);
    const end = offset + CHUNK_OVERHEAD + dataLength;
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    if (!/^[A-Za-z]{4}$/.test(type)) return 'a chunk has no valid type';
    if (end > bytes.length) return `it ends inside its ${type} chunk`;
    if (crc32(bytes.subarray(offset + 4, end - 4)) !== view.getUint32(end - 4)) {
      return `the checksum of its ${type} chunk does not match`;
    }
    if (offset === SIGNATURE_LENGTH && (type !== 'IHDR' || dataLength !== 13))
      return 'it does not start with a header';
    if (type === 'IDAT') dataChunks += 1;
    if (type === 'IEND') {
      if (dataChunks === 0) return 'it has no image data';
      return end === bytes.length ? undefined : 'there are bytes after its end';
    }
    offset = end;
  }
  return 'it ends before its last chunk';
}
