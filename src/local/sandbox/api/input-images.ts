import { imageSize } from 'image-size';
import { fetch, type Dispatcher } from 'undici';
import { INPUT_IMAGES } from '../contract.js';
import type { PixelSize } from '../images/render/image-size.js';

const FETCH_TIMEOUT_MS = 10_000;
/** Enough of an image to read its size from. */
const HEAD_BYTES = 512 * 1024;
/** Types with unambiguous first bytes. */
const IMAGE_TYPES = new Set(['png', 'jpg', 'webp', 'gif']);

/** The result of fetching the input images; `problem` is the row's own fault. */
export type InputImages =
  | { readonly kind: 'fetched'; readonly firstSize: PixelSize | undefined }
  | { readonly kind: 'problem'; readonly message: string };

async function fetchOne(url: string, bytesLeft: number, signal: AbortSignal, dispatcher: Dispatcher) {
  const response = await fetch(url, { signal, dispatcher });
  if (!response.ok) {
    await response.body?.cancel();
    return { problem: `could not be fetched: it answered ${response.status}` };
  }
  const head: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of response.body ?? []) {
    const bytes = piece instanceof Uint8Array ? piece : new Uint8Array();
    if (sizeBytes < HEAD_BYTES) head.push(bytes);
    sizeBytes += bytes.length;
    if (sizeBytes > bytesLeft) return { problem: 'makes the input images larger than 40 MB together' };
  }
  return { head: Buffer.concat(head), sizeBytes };
}

function sizeOf(head: Uint8Array): PixelSize | undefined {
  try {
    const { type = '', width, height } = imageSize(head);
    return IMAGE_TYPES.has(type) ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Fetches every URL as the service does: one after another, 10 s each, redirects followed, 40 MB together. The size
 * of the first is read if it is an image. Messages name an image by its index, not its URL.
 */
export async function fetchInputImages(
  urls: readonly string[],
  dispatcher: Dispatcher,
): Promise<InputImages> {
  let bytesLeft: number = INPUT_IMAGES.mostBytes;
  let firstSize: PixelSize | undefined;
  for (const [index, url] of urls.entries()) {
    const name = `input image ${index + 1} of ${urls.length}`;
    try {
      const fetched = await fetchOne(url, bytesLeft, AbortSignal.timeout(FETCH_TIMEOUT_MS), dispatcher);
      if (fetched.problem !== undefined) return { kind: 'problem', message: `${name} ${fetched.problem}` };
      bytesLeft -= fetched.sizeBytes;
      if (index === 0) firstSize = sizeOf(fetched.head);
    } catch {
      return { kind: 'problem', message: `${name} could not be fetched` };
    }
  }
  return { kind: 'fetched', firstSize };
}
