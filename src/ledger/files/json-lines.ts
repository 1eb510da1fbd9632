import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { z } from 'zod';

/** A line that was read; lines count from 1. */
export type ReadLine<T> =
  | { readonly kind: 'document'; readonly line: number; readonly document: T }
  | { readonly kind: 'unreadable'; readonly line: number; readonly cause: unknown };

/** The lines of a JSON Lines stream, each checked against `schema`; empty lines are skipped. */
export async function* readEachLine<T>(stream: Readable, schema: z.ZodType<T>): AsyncGenerator<ReadLine<T>> {
  const failed = { error: undefined as unknown };
  stream.once('error', (error) => (failed.error = error));
  let line = 0;
  try {
    for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
      line += 1;
      if (text !== '') yield parseLine(text, schema, line);
    }
  } finally {
    stream.destroy();
  }
  if (failed.error !== undefined) throw failed.error;
}

/** The documents of a JSON Lines stream, each checked against `schema`; an error names the line. */
export async function* readJsonLines<T>(
  stream: Readable,
  schema: z.ZodType<T>,
  name: string,
): AsyncGenerator<T> {
  for await (const read of readEachLine(stream, schema)) {
    if (read.kind === 'document') yield read.document;
    else {
      const { line, cause } = read;
      throw new Error(`${name} line ${line} is not what this version of banana-batch writes.`, { cause });
    }
  }
}

function parseLine<T>(text: string, schema: z.ZodType<T>, line: number): ReadLine<T> {
  try {
    return { kind: 'document', line, document: schema.parse(JSON.parse(text)) };
  } catch (cause) {
    return { kind: 'unreadable', line, cause };
  }
}

/** Documents as JSON Lines, with a newline after each. */
export function toJsonLines(documents: Iterable<unknown>): Buffer {
  return Buffer.from(Array.from(documents, (document) => `${JSON.stringify(document)}\n`).join(''));
}
