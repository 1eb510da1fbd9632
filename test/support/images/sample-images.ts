import { crc32, deflateSync } from 'node:zlib';

/** A valid PNG with one grey level, of any size. */
export function samplePng(width: number, height: number, grey = 128): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (width + 1), grey);
  for (let row = 0; row < height; row += 1) rows[row * (width + 1)] = 0;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A PNG chunk with its checksum. */
export function pngChunk(type: string, data: Uint8Array): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

/**
 * A JPEG's structure: an EXIF segment with a thumbnail's end marker in it, a frame header, a scan. Its pixels cannot be
 * decoded.
 */
export function sampleJpeg(width: number, height: number): Buffer {
  const { header, scan, data, end } = jpegParts(width, height);
  return Buffer.concat([header, scan, data, end]);
}

/** The same in its parts: up to the frame header, the scan's header, its data, the end marker. `table`: of its quantization. */
export function jpegParts(
  width: number,
  height: number,
  table: Uint8Array = Buffer.alloc(65).fill(1, 1),
): Readonly<Record<'header' | 'scan' | 'data' | 'end', Buffer>> {
  const frame = Buffer.from([8, 0, 0, 0, 0, 1, 1, 0x11, 0]);
  frame.writeUInt16BE(height, 1);
  frame.writeUInt16BE(width, 3);
  return {
    header: Buffer.concat([
      Buffer.from([0xff, 0xd8]),
      jpegSegment(0xe1, Buffer.from([0x74, 0x68, 0x75, 0x6d, 0x62, 0xff, 0xd9])),
      jpegSegment(0xdb, table),
      jpegSegment(0xc0, frame),
    ]),
    scan: jpegSegment(0xda, Buffer.from([1, 1, 0, 0, 63, 0])),
    data: Buffer.alloc(40, 0x5a),
    end: Buffer.from([0xff, 0xd9]),
  };
}

function jpegSegment(marker: number, data: Uint8Array): Buffer {
  const segment = Buffer.alloc(4 + data.length);
  segment.set([0xff, marker]);
  segment.writeUInt16BE(data.length + 2, 2);
  segment.set(data, 4);
  return segment;
}

/** A lossless WebP's structure. Its pixels cannot be decoded. */
export function sampleWebp(width: number, height: number): Buffer {
  const data = Buffer.alloc(25, 7);
  data[0] = 0x2f;
  data.writeUInt32LE((width - 1) | ((height - 1) << 14), 1);
  return riff(riffChunk('VP8L', data));
}

/** A WebP of these chunks. */
export function riff(chunks: Uint8Array): Buffer {
  return riffChunk('RIFF', Buffer.concat([Buffer.from('WEBP'), chunks]));
}

/** A chunk with its padding. */
export function riffChunk(type: string, data: Uint8Array): Buffer {
  const chunk = Buffer.alloc(8 + data.length + (data.length % 2));
  chunk.write(type, 0, 'latin1');
  chunk.writeUInt32LE(data.length, 4);
  chunk.set(data, 8);
  return chunk;
}
