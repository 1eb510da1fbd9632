import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../../errors.js';
import { type ExportPlace, ShardFile, fileFault, hasCode } from './shard-file.js';

const PARTIAL = /^\.(train-.*|README\.md|export(\.unfinished)?\.json)\.partial$/;

/** A local folder, created if it does not exist. Throws a UsageError if it cannot be used. */
export function folderPlace(folder: string): ExportPlace {
  const explained = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw fileFault(error, folder);
    }
  };
  const partialOf = (name: string): string => path.join(folder, `.${name}.partial`);

  /** Written under another name first: if the process is killed, no file looks complete by mistake. */
  async function replace<T>(name: string, write: (partial: string) => Promise<T>): Promise<T> {
    return explained(async () => {
      const partial = partialOf(name);
      try {
        const written = await write(partial);
        await rename(partial, path.join(folder, name));
        return written;
      } catch (error) {
        await rm(partial, { force: true });
        throw error;
      }
    });
  }

  return {
    address: folder,
    prepare: () =>
      explained(async () => {
        const found = await stat(folder).catch((error: unknown) => {
          if (hasCode(error, 'ENOENT')) return undefined;
          throw error;
        });
        if (found && !found.isDirectory()) {
          throw new UsageError(`${folder} is a file: --to needs a folder, or s3://bucket/prefix/.`);
        }
        await mkdir(folder, { recursive: true });
        const names = await readdir(folder);
        const partials = names.filter((name) => PARTIAL.test(name));
        await Promise.all(partials.map((name) => rm(path.join(folder, name), { force: true })));
      }),
    list: () =>
      explained(async () => {
        const entries = await readdir(folder, { withFileTypes: true });
        const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
        const sizes = files.map(async (name) => [name, (await stat(path.join(folder, name))).size] as const);
        return new Map(await Promise.all(sizes));
      }),
    readText: (name) =>
      explained(async () => {
        try {
          return await readFile(path.join(folder, name), 'utf8');
        } catch (error) {
          if (hasCode(error, 'ENOENT')) return undefined;
          throw error;
        }
      }),
    writeText: (name, text) => replace(name, (partial) => writeFile(partial, text, { flush: true })),
    writeFile: (name, _contentType, fill) =>
      replace(name, async (partial) => {
        const file = new ShardFile(partial);
        try {
          await fill(file);
          return file.end();
        } finally {
          file.close();
        }
      }),
    delete: (name) => explained(() => rm(path.join(folder, name), { force: true })),
  };
}
