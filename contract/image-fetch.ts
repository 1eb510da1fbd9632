import { Transformer } from '@napi-rs/image';
import { Agent, request } from 'undici';
import type { ImageAnswer } from './evidence.js';

const WITHIN_MS = 120_000;

/**
 * Requests an image from its host, without any key, and returns all bytes received. Throws if there are none; the
 * message has no URL.
 */
export async function fetchImage(url: string, signal: AbortSignal): Promise<ImageAnswer> {
  const agent = new Agent();
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]);
    const response = await request(url, { dispatcher: agent, signal: within });
    const pieces: Uint8Array[] = [];
    let cut = false;
    try {
      for await (const piece of response.body) pieces.push(piece);
    } catch {
      signal.throwIfAborted();
      cut = true;
    }
    const bytes = Buffer.concat(pieces);
    const headers = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
    );
    return { status: response.statusCode, headers, bytes, cut, pixels: await decodedSize(bytes) };
  } finally {
    await agent.destroy();
  }
}

/** Width and height by decoding every pixel; undefined if it cannot be decoded. */
async function decodedSize(bytes: Uint8Array): Promise<ImageAnswer['pixels']> {
  try {
    const { width, height } = await new Transformer(bytes).metadata();
    await new Transformer(bytes).rawPixels();
    return { width, height };
  } catch {
    return undefined;
  }
}
