import { hash } from 'node:crypto';
import type { Model, Resolution } from '../rows/generation-settings.js';
import type { ContentHash } from '../rows/ids.js';

/** What determines a row's image; labels do not. */
export interface ImageContent {
  readonly prompt: string;
  readonly model: Model;
  readonly aspectRatio: string;
  readonly resolution: Resolution;
  /** http(s) URLs, or `sha256:<hex>` for images with known bytes. */
  readonly inputImages: readonly string[];
}

/**
 * The identity of an image: equal exactly if prompt, model, aspect ratio, resolution and input images are equal.
 *
 * sha256 over JSON with a fixed order of keys. A presigned input URL counts without its signature, so that signing it
 * again does not buy the image again. The form is stored with every image: changing it buys everything again.
 */
export function contentHash(content: ImageContent): ContentHash {
  const canonical = JSON.stringify({
    prompt: content.prompt,
    model: content.model,
    aspect_ratio: content.aspectRatio,
    resolution: content.resolution,
    input_images: content.inputImages.map(withoutSignature),
  });
  return hash('sha256', canonical, 'hex') as ContentHash;
}

const VENDOR_PARAMETER = /^x-(?:amz|goog|oss|cos|ms)-/i;
const SIGNATURE_PARAMETERS = new Set([
  'signature',
  'expires',
  'policy',
  'key-pair-id',
  'awsaccesskeyid',
  'googleaccessid',
  'ossaccesskeyid',
  'security-token',
]);
/** The parameters of Azure's shared access signatures have such short names that they count only beside `sig`. */
const AZURE_PARAMETERS = new Set(
  'sig se st sp sv sr spr sip si ss srt skoid sktid skt ske sks skv sdd saoid suoid scid'.split(' '),
);

/**
 * An input image's URL without fragment, credentials and signature parameters; other parameters stay, since they may
 * select the image. Anything except an http(s) URL is returned unchanged.
 */
export function withoutSignature(inputImage: string): string {
  if (!/^https?:\/\//i.test(inputImage) || !URL.canParse(inputImage)) return inputImage;
  const url = new URL(inputImage);
  const isAzure = url.searchParams.has('sig');
  for (const name of new Set(url.searchParams.keys())) {
    const lower = name.toLowerCase();
    const signs = VENDOR_PARAMETER.test(name) || SIGNATURE_PARAMETERS.has(lower);
    if (signs || (isAzure && AZURE_PARAMETERS.has(lower))) url.searchParams.delete(name);
  }
  url.hash = '';
  url.username = '';
  url.password = '';
  return url.href;
}
