import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { StorageError, type ObjectRef, type ObjectStore } from '../../storage/object-store.js';
import { type ExportPlace, ShardFile, fileFault } from './shard-file.js';

/** A prefix of a bucket, ending with a slash. Shards are built in the system's temporary folder, then uploaded as a whole. */
export function s3Place(
  store: ObjectStore,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  signal: AbortSignal,
): ExportPlace {
  const ref = (name: string): ObjectRef => ({ bucket, key: `${prefix}${name}` });
  return {
    address: `s3://${bucket}/${prefix}`,
    prepare: () => store.checkBucket(bucket, signal),
    list: async () => {
      const sizes = new Map<string, number>();
      for await (const { key, sizeBytes } of store.list(bucket, prefix, signal)) {
        const name = key.slice(prefix.length);
        if (name !== '' && !name.includes('/')) sizes.set(name, sizeBytes);
      }
      return sizes;
    },
    readText: async (name) => {
      try {
        return await store.readText(ref(name), signal);
      } catch (error) {
        if (error instanceof StorageError && error.code === 'not-found') return undefined;
        throw error;
      }
    },
    writeText: async (name, text, contentType) => {
      await store.put(ref(name), Buffer.from(text), { contentType, signal });
    },
    writeFile: async (name, contentType, fill) => {
      const temporary = await mkdtemp(path.join(tmpdir(), 'banana-batch-export-')).catch((error: unknown) => {
        throw fileFault(error, tmpdir());
      });
      try {
        const local = path.join(temporary, name);
        const written = await filled(local, fill);
        await store.putFile(ref(name), local, { contentType, sha256: written.sha256, signal });
        return written;
      } finally {
        await rm(temporary, { recursive: true, force: true });
      }
    },
    delete: (name) => store.delete(ref(name), signal),
  };
}

async function filled(
  local: string,
  fill: (file: ShardFile) => Promise<void>,
): ReturnType<ExportPlace['writeFile']> {
  let file: ShardFile | undefined;
  try {
    file = new ShardFile(local);
    await fill(file);
    return file.end();
  } catch (error) {
    throw fileFault(
      error,
      `${tmpdir()}, which holds shards before they are uploaded (set TMPDIR to use another folder)`,
    );
  } finally {
    file?.close();
  }
}
