import type { ImageType } from '../domain/outcome.js';
import { inspectImage } from './inspect.js';

const END_OF_JPEG = Buffer.from([0xff, 0xd9]);

/**
 * What an image that people give is by its bytes, or what is wrong with it. More patient than with images that come from
 * the service: phones and cameras write data of their own behind the end of a JPEG.
 */
export function inputImageType(
  bytes: Buffer,
):
  | { readonly kind: 'image'; readonly type: ImageType }
  | { readonly kind: 'broken'; readonly reason: string } {
  const whole = inspectImage(bytes);
  if (whole.kind === 'image') return { kind: 'image', type: whole.type };
  if (whole.kind === 'incomplete') {
    const end = bytes.lastIndexOf(END_OF_JPEG);
    const trimmed = end === -1 ? whole : inspectImage(bytes.subarray(0, end + END_OF_JPEG.length));
    if (trimmed.kind === 'image' && trimmed.type === 'jpg') return { kind: 'image', type: 'jpg' };
    return { kind: 'broken', reason: `it is cut or damaged (${whole.reason})` };
  }
  return { kind: 'broken', reason: whole.reason.replace('the body is', 'it is') };
}
