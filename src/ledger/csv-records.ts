import type { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';

/** The records of a CSV file of ours by column name. Throws what `isCsvFault` knows where it is not one. */
export async function* csvRecords(source: Readable, delimiter: string): AsyncGenerator {
  const parser = parse({ columns: true, bom: true, delimiter, relax_column_count: true });
  // A pipe does not carry errors on.
  source.once('error', (error) => parser.destroy(error));
  try {
    yield* source.pipe(parser);
  } finally {
    source.destroy();
    parser.destroy();
  }
}

/** Whether an error says that a text is no CSV. */
export function isCsvFault(error: unknown): boolean {
  return error instanceof CsvError;
}
