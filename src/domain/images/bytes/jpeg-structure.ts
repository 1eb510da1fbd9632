import { ScanBook, type JpegFrame } from './jpeg-scans.js';

const START_OF_SCAN = 0xda;
const QUANTIZATION_TABLES = 0xdb;
const END_OF_IMAGE = 0xd9;

/**
 * Why a file with a JPEG signature is not a complete JPEG; undefined if it is.
 *
 * Reads all segments and scans up to the end marker, so that the end marker of an embedded thumbnail does not count.
 * More complete JPEGs may follow, as in files of several pictures (CIPA DC-007); nothing else. Source: ITU-T T.81,
 * annex B.
 */
export function jpegDefect(bytes: Uint8Array): string | undefined {
  for (let start = 0; start < bytes.length;) {
    if (bytes[start] !== 0xff || bytes[start + 1] !== 0xd8) return 'there are bytes after its end';
    const end = endOfJpeg(bytes, start);
    if (typeof end === 'string') return end;
    start = end;
  }
  return undefined;
}

/** A segment with its marker; if it begins a scan, also the data that follow. */
export interface JpegSegment {
  readonly marker: number;
  readonly whole: Uint8Array;
  /** Without marker and length. */
  readonly content: Uint8Array;
  /** Of a frame header. */
  readonly frame?: JpegFrame;
}

/** The end of the JPEG that begins at `start`, or why it is incomplete. `onSegment` gets all segments between its first and last marker. */
export function endOfJpeg(
  bytes: Uint8Array,
  start: number,
  onSegment: (segment: JpegSegment) => void = () => undefined,
): number | string {
  let scans: ScanBook | undefined;
  const tables = new Set<number>();
  for (let offset = start + 2; offset + 2 <= bytes.length;) {
    if (bytes[offset] !== 0xff) return 'a segment does not start with a marker';
    const marker = bytes[offset + 1] ?? 0;
    // A marker may be preceded by any number of 0xff.
    if (marker === 0xff) {
      offset += 1;
      continue;
    }
    if (marker === END_OF_IMAGE) {
      if (!scans?.hasScans) return 'it ends before its image data';
      return scans.defect ?? offset + 2;
    }
    if (isStandalone(marker)) {
      offset += 2;
      continue;
    }
    if (offset + 4 > bytes.length) break;
    const length = ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0);
    if (length < 2) return 'a segment has no valid length';
    const end = offset + 2 + length;
    if (end > bytes.length) return 'it ends inside its header';
    const content = bytes.subarray(offset + 4, end);
    const frame = isFrame(marker) ? frameOf(marker, content) : undefined;
    if (frame) scans = new ScanBook(frame);
    else if (isFrame(marker)) return 'its frame header is not valid';
    if (marker === QUANTIZATION_TABLES) for (const table of tablesIn(content)) tables.add(table);
    let next = end;
    if (marker === START_OF_SCAN) {
      if (!scans) return 'it has image data before its frame header';
      next = endOfScan(bytes, end);
      scans.add(content, next - end, tables);
    }
    onSegment({ marker, whole: bytes.subarray(offset, next), content, ...(frame && { frame }) });
    offset = next;
  }
  return scans?.hasScans ? 'it does not end with the end-of-image marker' : 'it ends before its image data';
}

/** The position of the next marker that ends entropy-coded data: neither a stuffed 0xff nor a restart. */
function endOfScan(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next === undefined) break;
    if (next !== 0 && next !== 0xff && !isStandalone(next)) return at;
  }
  return bytes.length;
}

/** The numbers of the complete quantization tables in a segment. Source: ITU-T T.81, B.2.4.1. */
function tablesIn(content: Uint8Array): readonly number[] {
  const numbers: number[] = [];
  for (let offset = 0; offset < content.length;) {
    const [kind = 0] = content.subarray(offset, offset + 1);
    offset += 1 + (kind >> 4 === 0 ? 64 : 128);
    if (offset <= content.length) numbers.push(kind & 15);
  }
  return numbers;
}

function frameOf(marker: number, content: Uint8Array): JpegFrame | undefined {
  const [, h1 = 0, h2 = 0, w1 = 0, w2 = 0, count = 0] = content;
  if (count === 0 || content.length < 6 + 3 * count) return undefined;
  const components = Array.from({ length: count }, (_, index) => {
    const [id = 0, sampling = 0, table = 0] = content.subarray(6 + 3 * index);
    return { id, across: sampling >> 4, down: sampling & 15, table };
  });
  if (components.some(({ across, down }) => across === 0 || down === 0)) return undefined;
  const size = { width: (w1 << 8) | w2, height: (h1 << 8) | h2 };
  return { ...size, components, coding: CODINGS[marker] ?? 'other' };
}

/** Codings with a known minimum of bits a block. */
const CODINGS: Readonly<Record<number, JpegFrame['coding']>> = {
  0xc0: 'sequential',
  0xc1: 'sequential',
  0xc2: 'progressive',
};

/** Start-of-frame markers; C4, C8 and CC in their range have other meanings. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function isStandalone(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
}
