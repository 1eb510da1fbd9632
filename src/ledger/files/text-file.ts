import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';

/** A local text file of any length that is written piece by piece and then stored, or read back, as a whole. */
export interface TextFile {
  readonly path: string;
  write(text: string): Promise<void>;
  /** Ends the writing; returns the sha256 of everything written, in lower-case hex. */
  end(): Promise<string>;
  /** The bytes of an ended file. */
  read(): Readable;
}

/** Gives `use` such files and always removes them afterwards. */
export async function withTextFiles<T>(use: (create: (name: string) => TextFile) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'banana-batch-'));
  const opened: { destroy: () => void }[] = [];
  try {
    return await use((name) => {
      const file = openTextFile(path.join(folder, name));
      opened.push(file);
      return file;
    });
  } finally {
    for (const file of opened) file.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}

function openTextFile(filePath: string): TextFile & { destroy: () => void } {
  const stream = createWriteStream(filePath);
  const hash = createHash('sha256');
  let failure: Error | undefined;
  stream.on('error', (error) => (failure = error));
  return {
    path: filePath,
    destroy: () => stream.destroy(),
    write: async (text) => {
      if (failure) throw failure;
      hash.update(text);
      if (!stream.write(text)) await once(stream, 'drain');
    },
    end: async () => {
      stream.end();
      if (!stream.closed) await once(stream, 'close');
      if (failure) throw failure;
      return hash.digest('hex');
    },
    read: () => createReadStream(filePath),
  };
}

/** The records of one of our CSV files by column name. Throws errors that `isCsvFault` recognizes if it is no valid CSV. */
export async function* csvRecords(source: Readable, delimiter: string): AsyncGenerator {
  const parser = parse({ columns: true, bom: true, delimiter, relax_column_count: true });
  // A pipe does not forward errors.
  source.once('error', (error) => parser.destroy(error));
  try {
    yield* source.pipe(parser);
  } finally {
    source.destroy();
    parser.destroy();
  }
}

/** Whether an error means that a text is not valid CSV. */
export function isCsvFault(error: unknown): boolean {
  return error instanceof CsvError;
}
