import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';
import { z } from 'zod';
import { jobSchema } from './job.js';

const lineSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('job'), job: jobSchema }),
  z.object({ kind: z.literal('balance'), account: z.string(), balance: z.string(), at: z.number() }),
]);

/** A fact that must survive a restart. */
export type JournalLine = z.output<typeof lineSchema>;

function parseLine(text: string, file: string, number: number): JournalLine {
  try {
    return lineSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(
      `sandbox state ${file}, line ${number}: not a line of this sandbox; move the file away to start afresh`,
      { cause },
    );
  }
}

/** Jobs and balances as lines of JSON, written immediately: what was answered survives a crash of the process. A truncated last line is dropped. */
export class Journal {
  readonly #stream: WriteStream;
  #failure: Error | undefined;

  private constructor(stream: WriteStream) {
    this.#stream = stream;
    stream.on('error', (error) => {
      this.#failure = error;
    });
  }

  /** Reads the file, repairs its end, and opens it for appending; a missing file counts as empty. */
  static async open(file: string): Promise<{ journal: Journal; lines: readonly JournalLine[] }> {
    await mkdir(dirname(file), { recursive: true });
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
      throw error;
    });
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) {
      const mended = `${file}.${process.pid}.tmp`;
      await writeFile(mended, whole);
      await rename(mended, file);
    }
    const lines = whole
      .split('\n')
      .slice(0, -1)
      .map((line, index) => parseLine(line, file, index + 1));
    return { journal: new Journal(createWriteStream(file, { flags: 'a' })), lines };
  }

  append(line: JournalLine): void {
    if (this.#failure === undefined) this.#stream.write(`${JSON.stringify(line)}\n`);
  }

  /** Resolves once all is written; rejects if anything could not be. */
  async close(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#stream.end();
    await finished(this.#stream);
  }
}
