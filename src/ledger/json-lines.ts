import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { z } from 'zod';

/** The documents of a JSON Lines stream, each checked against `schema`; an error names the line. */
export async function* readJsonLines<T>(
  stream: Readable,
  schema: z.ZodType<T>,
  name: string,
): AsyncGenerator<T> {
  const failed = { error: undefined as unknown };
  stream.once('error', (error) => (failed.error = error));
  let line = 0;
  try {
    for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
      line += 1;
      if (text === '') continue;
      yield parseLine(text, schema, `${name} line ${line}`);
    }
  } finally {
    stream.destroy();
  }
  if (failed.error !== undefined) throw failed.error;
}

function parseLine<T>(text: string, schema: z.ZodType<T>, place: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${place} is not what this version of banana-batch writes.`, { cause });
  }
}

/** Documents as JSON Lines, each line ended. */
export function toJsonLines(documents: Iterable<unknown>): Buffer {
  return Buffer.from(Array.from(documents, (document) => `${JSON.stringify(document)}\n`).join(''));
}
