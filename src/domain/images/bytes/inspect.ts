import { imageSize } from 'image-size';
import type { ImageType } from '../../rows/outcome.js';
import { jpegDefect, endOfJpeg } from './jpeg-structure.js';
import { pngPictureDefect } from './png-picture.js';
import { readPng, type PngStructure } from './png-structure.js';
import { webpDefect } from './webp-structure.js';

export type ImageInspection =
  | { readonly kind: 'image'; readonly type: ImageType; readonly width: number; readonly height: number }
  /** Other content: an error page, an unknown or unsupported type, or empty. */
  | { readonly kind: 'not-an-image'; readonly reason: string }
  /** A truncated or damaged PNG, JPEG or WebP. */
  | { readonly kind: 'incomplete'; readonly reason: string };

/**
 * Type, dimensions and completeness, from the bytes alone; never rejects. Only PNG, JPEG and WebP count as images.
 *
 * Runs `inspectStructure`, and for PNG also checks that the picture data inflate to the rows that the header
 * declares. That takes about as long as reading the image from a disk, on another thread, and some 256 kB of memory.
 */
export async function inspectImage(bytes: Uint8Array): Promise<ImageInspection> {
  const { inspection, png } = readStructure(bytes);
  const defect = png && (await pngPictureDefect(png));
  return defect === undefined ? inspection : { kind: 'incomplete', reason: `png: ${defect}` };
}

/**
 * The same from the structure alone; never throws. Detects every truncation, for PNG also every damaged byte of the
 * chunks that matter (by CRC), for JPEG and WebP pictures without data. Does not detect damage inside JPEG and WebP
 * data that keeps the length.
 */
export function inspectStructure(bytes: Uint8Array): ImageInspection {
  return readStructure(bytes).inspection;
}

/** `png`: the parts of a complete PNG. */
function readStructure(bytes: Uint8Array): {
  readonly inspection: ImageInspection;
  readonly png?: PngStructure;
} {
  const type = typeOf(bytes);
  if (type === undefined) return { inspection: { kind: 'not-an-image', reason: describeUnknown(bytes) } };
  const incomplete = (defect: string) =>
    ({ inspection: { kind: 'incomplete', reason: `${type}: ${defect}` } }) as const;
  const { defect, png } = PARTS_OF[type](bytes);
  if (defect !== undefined) return incomplete(defect);
  const size = dimensionsOf(bytes);
  if (size === undefined) return incomplete('its dimensions cannot be read');
  return { inspection: { kind: 'image', type, ...size }, ...(png && { png }) };
}

interface Parts {
  readonly defect?: string | undefined;
  readonly png?: PngStructure;
}

const PARTS_OF: Readonly<Record<ImageType, (bytes: Uint8Array) => Parts>> = {
  png: (bytes) => {
    const png = readPng(bytes);
    return 'defect' in png ? png : { png };
  },
  jpg: (bytes) => ({ defect: jpegDefect(bytes) }),
  webp: (bytes) => ({ defect: webpDefect(bytes) }),
};

function typeOf(bytes: Uint8Array): ImageType | undefined {
  if (startsWith(bytes, 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'png';
  if (startsWith(bytes, 0, [0xff, 0xd8, 0xff])) return 'jpg';
  if (startsWith(bytes, 0, [0x52, 0x49, 0x46, 0x46]) && startsWith(bytes, 8, [0x57, 0x45, 0x42, 0x50]))
    return 'webp';
  return undefined;
}

function startsWith(bytes: Uint8Array, offset: number, expected: readonly number[]): boolean {
  return expected.every((byte, index) => bytes[offset + index] === byte);
}

function dimensionsOf(bytes: Uint8Array): { readonly width: number; readonly height: number } | undefined {
  try {
    const { width, height } = imageSize(bytes);
    return width > 0 && height > 0 ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

function describeUnknown(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'the body is empty';
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 256)).trimStart().toLowerCase();
  if (start.startsWith('<?xml') || start.startsWith('<error')) return 'the body is XML, not an image';
  if (start.startsWith('<!doctype html') || start.startsWith('<html'))
    return 'the body is an HTML page, not an image';
  return 'the body is not PNG, JPEG or WebP';
}

/**
 * The type of a user's image by its bytes, or what is wrong with it. More tolerant than for images from the service:
 * phones and cameras append their own data to JPEGs.
 */
export function inputImageType(
  bytes: Buffer,
):
  | { readonly kind: 'image'; readonly type: ImageType }
  | { readonly kind: 'broken'; readonly reason: string } {
  const whole = inspectStructure(bytes);
  if (whole.kind === 'image') return { kind: 'image', type: whole.type };
  if (whole.kind === 'incomplete') {
    const end = whole.reason.startsWith('jpg') ? endOfJpeg(bytes, 0) : 0;
    const trimmed = typeof end === 'number' ? inspectStructure(bytes.subarray(0, end)) : whole;
    if (trimmed.kind === 'image') return { kind: 'image', type: trimmed.type };
    return { kind: 'broken', reason: `it is cut or damaged (${whole.reason})` };
  }
  return { kind: 'broken', reason: whole.reason.replace('the body is', 'it is') };
}
