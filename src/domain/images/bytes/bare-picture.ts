import type { ImageType } from '../../rows/outcome.js';
import { exifOrientation } from './exif-orientation.js';
import { endOfJpeg, type JpegSegment } from './jpeg-structure.js';
import { readPng } from './png-structure.js';
import { webpChunks, webpFrameChunks, type WebpChunk } from './webp-structure.js';

/** What a decoder needs of an image, and how much memory it will need, judged by the same headers that the decoder uses. */
export interface BarePicture {
  readonly width: number;
  readonly height: number;
  /** The EXIF orientation, 1 to 8. */
  readonly orientation: number;
  /** Memory for decoding, turning and shrinking it, including the copy by `join`. */
  readonly decodeBytes: number;
  /** A copy without metadata: profiles, texts and EXIF data can be crafted to use any amount of memory. */
  readonly join: () => Buffer;
}

/** The picture of a complete image, or the first of an animation; undefined if no decoder may get it. Decodes nothing. */
export function barePicture(bytes: Uint8Array, type: ImageType): BarePicture | undefined {
  switch (type) {
    case 'png':
      return barePng(bytes);
    case 'jpg':
      return bareJpeg(bytes);
    case 'webp':
      return bareWebp(bytes);
  }
}

/**
 * Measured with @napi-rs/image 1.15 on pictures of 16.8 million pixels, of all types: between 1.3 and 2.0 bytes a
 * pixel, and 2.05 for each byte of a decoded pixel; half of that again for turning, 0.6 for each channel of a
 * progressive JPEG for its coefficients. Rounded up.
 */
function decodeBytesOf(picture: {
  readonly pixels: number;
  readonly pixelBytes: number;
  readonly orientation: number;
  readonly isProgressive?: boolean;
  readonly parts: readonly Uint8Array[];
}): number {
  const { pixels, pixelBytes, orientation, isProgressive = false, parts } = picture;
  const turning = orientation === 1 ? 0 : pixelBytes;
  const each = 2 + 2.1 * pixelBytes + turning + (isProgressive ? pixelBytes : 0);
  return Math.ceil(pixels * each) + parts.reduce((sum, { length }) => sum + length, 0);
}

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function barePng(bytes: Uint8Array): BarePicture | undefined {
  const png = readPng(bytes);
  if ('defect' in png) return undefined;
  const { header, needed, hasTransparency, exif } = png;
  const { width, height, channelBytes } = header;
  const pixelBytes = (header.channels + (hasTransparency ? 1 : 0)) * channelBytes;
  return picture({ width, height }, pixelBytes, exifOrientation(exif), [PNG_SIGNATURE, ...needed]);
}

const JPEG_START = Buffer.from([0xff, 0xd8]);
const JPEG_END = Buffer.from([0xff, 0xd9]);
const START_OF_SCAN = 0xda;
const PROGRESSIVE = new Set([0xc2, 0xc6, 0xca, 0xce]);
const EXIF_SEGMENT = 0xe1;
const EXIF_NAME = Buffer.from('Exif\0\0');
/** Declares the color transform, in 12 bytes. */
const ADOBE_SEGMENT = 0xee;
/** For each scan a decoder processes the whole picture; encoders write 10 or so. */
const MOST_SCANS = 100;

function bareJpeg(bytes: Uint8Array): BarePicture | undefined {
  const segments: JpegSegment[] = [];
  if (typeof endOfJpeg(bytes, 0, (segment) => segments.push(segment)) === 'string') return undefined;
  const frames = segments.filter(({ frame }) => frame);
  const [first] = frames;
  if (!first?.frame || frames.length > 1) return undefined;
  const { frame, marker } = first;
  if (segments.filter((segment) => segment.marker === START_OF_SCAN).length > MOST_SCANS) return undefined;
  const exif = segments.find(
    ({ marker: at, content }) => at === EXIF_SEGMENT && startsWith(content, EXIF_NAME),
  );
  const needed = segments.filter((segment) => isPicture(segment.marker)).map(({ whole }) => whole);
  const orientation = exifOrientation(exif?.content.subarray(EXIF_NAME.length));
  const parts = [JPEG_START, ...needed, JPEG_END];
  return picture(frame, frame.components.length, orientation, parts, PROGRESSIVE.has(marker));
}

/** Neither application data nor comments. */
function isPicture(marker: number): boolean {
  return marker === ADOBE_SEGMENT || (marker < 0xe0 && marker !== 0x01);
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

function bareWebp(bytes: Uint8Array): BarePicture | undefined {
  const chunks = [...webpChunks(bytes)];
  const exif = chunks.find(({ type }) => type === 'EXIF')?.content;
  const tiff = exif && startsWith(exif, EXIF_NAME) ? exif.subarray(EXIF_NAME.length) : exif;
  const animated = chunks.find(({ type }) => type === 'ANMF');
  const own = animated ? [...webpFrameChunks(animated.content)] : chunks;
  const image = own.find(({ type }) => type === 'VP8 ' || type === 'VP8L');
  if (!image) return undefined;
  const size = sizeOfWebp(image);
  const alpha = image.type === 'VP8 ' ? own.find(({ type }) => type === 'ALPH') : undefined;
  const flags = alpha ? [webpChunk('VP8X', alphaFlags(size)), webpChunk('ALPH', alpha.content)] : [];
  const body = [...flags, webpChunk(image.type, image.content)].flat();
  const length = body.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  head.writeUInt32LE(4 + length, 4);
  const pixelBytes = image.type === 'VP8L' || alpha ? 4 : 3;
  return picture(size, pixelBytes, exifOrientation(tiff), [head, ...body]);
}

/** Source: RFC 6386, 9.1; RFC 9649, 3.4. */
function sizeOfWebp({ type, content }: WebpChunk): { readonly width: number; readonly height: number } {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  if (type === 'VP8 ') {
    return { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff };
  }
  const bits = view.getUint32(1, true);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

function alphaFlags({ width, height }: { readonly width: number; readonly height: number }): Buffer {
  const flags = Buffer.alloc(10);
  flags[0] = 0x10;
  flags.writeUIntLE(width - 1, 4, 3);
  flags.writeUIntLE(height - 1, 7, 3);
  return flags;
}

function webpChunk(type: string, content: Uint8Array): readonly Uint8Array[] {
  const head = Buffer.alloc(8);
  head.write(type, 0, 'latin1');
  head.writeUInt32LE(content.length, 4);
  return [head, content, Buffer.alloc(content.length % 2)];
}

function picture(
  { width, height }: { readonly width: number; readonly height: number },
  pixelBytes: number,
  orientation: number,
  parts: readonly Uint8Array[],
  isProgressive = false,
): BarePicture | undefined {
  const pixels = width * height;
  if (pixels === 0) return undefined;
  const decodeBytes = decodeBytesOf({ pixels, pixelBytes, orientation, isProgressive, parts });
  return { width, height, orientation, decodeBytes, join: () => Buffer.concat(parts) };
}
