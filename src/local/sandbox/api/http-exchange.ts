import type { IncomingMessage, ServerResponse } from 'node:http';
import { writtenForm, type Answer } from '../answer.js';
import type { ImageBody } from '../images/image-host.js';

const MOST_BODY_BYTES = 1_000_000;

/** The path and query of a request; `/` if they are not a valid URL. */
export function urlOf(request: IncomingMessage): URL {
  const base = 'http://sandbox';
  const target = request.url ?? '/';
  return URL.canParse(target, base) ? new URL(target, base) : new URL(base);
}

/** A request's body as text; undefined if it is larger than 1 MB or is interrupted. */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const piece of request) {
      if (!Buffer.isBuffer(piece)) return undefined;
      pieces.push(piece);
      sizeBytes += piece.length;
      if (sizeBytes > MOST_BODY_BYTES) return undefined;
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Writes an answer, or cuts the connection. */
export function writeAnswer(response: ServerResponse, answer: Answer): void {
  if (answer.kind === 'drop') {
    response.destroy();
    return;
  }
  const { type, text } = writtenForm(answer);
  const headers = answer.kind === 'json' ? answer.headers : undefined;
  const bytes = Buffer.from(text);
  response.writeHead(answer.status, {
    'content-type': type,
    'content-length': bytes.length,
    // The only difference from the service: clients can see that these images are drawings.
    'x-banana-batch-sandbox': 'true',
    ...headers,
  });
  response.end(bytes);
}

/** Writes an image as configured: complete, late, or interrupted. `onWhole` is called once all is written. */
export function writeImage(response: ServerResponse, image: ImageBody, onWhole: () => void): void {
  const { bytes, sentBytes, pauseMs } = image;
  response.writeHead(200, { 'content-type': image.contentType, 'content-length': bytes.length });
  const finish = (rest: Buffer) => {
    if (sentBytes < bytes.length) response.write(rest, () => response.destroy());
    else response.end(rest, onWhole);
  };
  if (pauseMs === 0) {
    finish(bytes.subarray(0, sentBytes));
    return;
  }
  const half = Math.floor(sentBytes / 2);
  response.write(bytes.subarray(0, half));
  const timer = setTimeout(() => {
    finish(bytes.subarray(half, sentBytes));
  }, pauseMs);
  response.once('close', () => {
    clearTimeout(timer);
  });
}
