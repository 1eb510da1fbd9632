import { imageSize } from 'image-size';
import type { ImageType } from '../domain/outcome.js';
import { jpegDefect } from './jpeg-structure.js';
import { pngDefect } from './png-structure.js';
import { webpDefect } from './webp-structure.js';

export type ImageInspection =
  | { readonly kind: 'image'; readonly type: ImageType; readonly width: number; readonly height: number }
  /** Some other content: an error page, an unknown or unsupported type, nothing at all. */
  | { readonly kind: 'not-an-image'; readonly reason: string }
  /** A PNG, JPEG or WebP that is cut or damaged. */
  | { readonly kind: 'incomplete'; readonly reason: string };

/**
 * Type, dimensions and wholeness by the bytes alone; never throws. Only PNG, JPEG and WebP count as images.
 *
 * Finds every cut, and for PNG every damaged byte (chunk CRCs); pixels are not decoded, so damage inside JPEG and WebP
 * data that keeps the length goes unseen.
 */
export function inspectImage(bytes: Uint8Array): ImageInspection {
  const type = typeOf(bytes);
  if (type === undefined) return { kind: 'not-an-image', reason: describeUnknown(bytes) };
  const defect = DEFECT_OF[type](bytes);
  if (defect !== undefined) return { kind: 'incomplete', reason: `${type}: ${defect}` };
  const size = dimensionsOf(bytes);
  if (size === undefined) return { kind: 'incomplete', reason: `${type}: its dimensions cannot be read` };
  return { kind: 'image', type, ...size };
}

const DEFECT_OF: Readonly<Record<ImageType, (bytes: Uint8Array) => string | undefined>> = {
  png: pngDefect,
  jpg: jpegDefect,
  webp: webpDefect,
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
