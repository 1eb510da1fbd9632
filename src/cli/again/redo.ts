import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { RowId } from '../../domain/rows/ids.js';
import { UsageError } from '../../errors.js';
import { runAgain, type AgainOptions } from './again.js';
import type { Command, CommandContext } from '../terminal/command-context.js';

export interface RedoOptions extends AgainOptions {
  readonly rows?: readonly string[];
  /** A file with an id, an image name or a line of the sheet on each line; `-` for standard input. */
  readonly rowsFile?: string;
}

/** Buys named rows again. A row's present image stays until the new one is stored, or for good if there is none. */
export const redo: Command<RedoOptions> = async (context, options) => {
  const rows = [...(options.rows ?? []), ...(await rowsInFile(context, options.rowsFile))];
  if (rows.length === 0) {
    throw new UsageError(
      'Name the rows to redo: --rows a,b, or --rows-file FILE with one row per line. Name a row by its id, its image name or its line in the sheet; metadata.jsonl and failures.csv list ids and names.',
    );
  }
  return runAgain(context, options, { action: 'redo', rows: [...new Set(rows)].map((row) => row as RowId) });
};

async function rowsInFile(
  { cwd, stdin }: CommandContext,
  name: string | undefined,
): Promise<readonly string[]> {
  if (name === undefined) return [];
  const lines = name === '-' ? await text(stdin) : await readLocal(path.resolve(cwd, name), name);
  return lines.split(/\r?\n/).filter((line) => line.trim() !== '');
}

async function readLocal(file: string, name: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw new UsageError(`${name} cannot be read (${String(code ?? error)}). Expected one row per line.`, {
      cause: error,
    });
  }
}
