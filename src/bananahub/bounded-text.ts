import type { Dispatcher } from 'undici';

/** The body as UTF-8, or as much of it as fits into `maxBytes`; the rest is not read. */
export async function readBoundedText(
  body: Dispatcher.ResponseData['body'],
  maxBytes: number,
): Promise<{ readonly text: string; readonly cut: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes: Uint8Array = chunk;
    const room = maxBytes - size;
    chunks.push(bytes.subarray(0, room));
    size += bytes.length;
    if (bytes.length > room) return { text: Buffer.concat(chunks).toString('utf8'), cut: true };
  }
  return { text: Buffer.concat(chunks).toString('utf8'), cut: false };
}
