const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;

/**
 * What keeps a file with a JPEG signature from being a whole JPEG; undefined where nothing does.
 *
 * Walks the segments to the first scan and looks for the end marker at the very end, so that the end marker of an
 * embedded thumbnail does not count. Source: ITU-T T.81, annex B.
 */
export function jpegDefect(bytes: Uint8Array): string | undefined {
  let offset = 2;
  let frameSeen = false;
  while (offset + 4 <= bytes.length) {
    if (bytes[offset] !== 0xff) return 'a segment does not start with a marker';
    const marker = bytes[offset + 1] ?? 0;
    // Any number of 0xff may stand before a marker.
    if (marker === 0xff) {
      offset += 1;
      continue;
    }
    if (marker === END_OF_IMAGE) return 'it ends before its image data';
    if (isStandalone(marker)) {
      offset += 2;
      continue;
    }
    if (isFrame(marker)) frameSeen = true;
    const length = ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0);
    if (length < 2) return 'a segment has no valid length';
    const end = offset + 2 + length;
    if (end > bytes.length) return 'it ends inside its header';
    if (marker === START_OF_SCAN)
      return frameSeen ? scanDefect(bytes, end) : 'it has image data before its frame header';
    offset = end;
  }
  return 'it ends before its image data';
}

function scanDefect(bytes: Uint8Array, scanStart: number): string | undefined {
  const lastMarker = bytes.length - 2;
  const whole =
    lastMarker > scanStart && bytes[lastMarker] === 0xff && bytes[lastMarker + 1] === END_OF_IMAGE;
  return whole ? undefined : 'it does not end with the end-of-image marker';
}

/** Start-of-frame markers; C4, C8 and CC in their range mean other things. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function isStandalone(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
}
