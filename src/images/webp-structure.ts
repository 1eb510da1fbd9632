const RIFF_HEADER_LENGTH = 12;
const CHUNK_HEADER_LENGTH = 8;
const IMAGE_DATA = new Set(['VP8 ', 'VP8L', 'ANMF']);

/** What keeps a file with a WebP signature from being a whole WebP; undefined where nothing does. Source: RFC 9649, section 2. */
export function webpDefect(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const declared = view.getUint32(4, true) + 8;
  if (declared > bytes.length) return `it has ${bytes.length} of ${declared} bytes`;
  if (declared < bytes.length && !isPadding(bytes, declared)) return 'there are bytes after its end';
  let offset = RIFF_HEADER_LENGTH;
  let hasImageData = false;
  while (offset + CHUNK_HEADER_LENGTH <= declared) {
    const type = String.fromCharCode(...bytes.subarray(offset, offset + 4));
    const dataLength = view.getUint32(offset + 4, true);
    if (offset + CHUNK_HEADER_LENGTH + dataLength > declared)
      return `it ends inside its ${type.trim()} chunk`;
    if (IMAGE_DATA.has(type)) hasImageData = true;
    offset += CHUNK_HEADER_LENGTH + dataLength + (dataLength % 2);
  }
  return hasImageData ? undefined : 'it has no image data';
}

/** Some writers leave the last chunk's padding byte out of the declared size. */
function isPadding(bytes: Uint8Array, declared: number): boolean {
  return declared % 2 === 1 && bytes.length === declared + 1 && bytes[declared] === 0;
}
