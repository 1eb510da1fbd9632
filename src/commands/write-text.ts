import { once } from 'node:events';

/** Writes to a stream and waits until it takes more, so that a slow reader of a long output costs no memory. */
export async function writeText(stream: NodeJS.WriteStream, text: string | Uint8Array): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain');
}
