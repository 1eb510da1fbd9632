import type { ImageType } from '../domain/rows/outcome.js';
import { inspectStructure } from '../domain/images/bytes/inspect.js';
import { endOfJpeg } from '../domain/images/bytes/jpeg-structure.js';

/**
 * What an image that people give is by its bytes, or what is wrong with it. More patient than with images that come from
 * the service: phones and cameras write data of their own behind the end of a JPEG.
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
