import { Readable } from 'node:stream';
import { StorageError, type ObjectRef, type ObjectStore } from '../../../src/storage/object-store.js';

const nameOf = ({ bucket, key }: ObjectRef): string => `${bucket}/${key}`;

const refused = (): never => {
  throw new Error('This store has only what planning needs.');
};

/** The part of a bucket that unit tests of planning need: put, list and read. Everything else is refused. */
export function memoryStore(): ObjectStore {
  const objects = new Map<string, Buffer>();
  const bodyOf = (ref: ObjectRef): Buffer => {
    const body = objects.get(nameOf(ref));
    if (!body) throw new StorageError('not-found', ref, `There is no ${nameOf(ref)}.`);
    return body;
  };
  const keysIn = (bucket: string, prefix: string): readonly string[] =>
    [...objects.keys()]
      .filter((name) => name.startsWith(`${bucket}/${prefix}`))
      .map((name) => name.slice(bucket.length + 1))
      .toSorted();
  return {
    put: async (ref, body) => {
      objects.set(nameOf(ref), Buffer.from(body));
      return { etag: '"1"' };
    },
    read: async (ref) => Readable.from([bodyOf(ref)]),
    readText: async (ref) => bodyOf(ref).toString('utf8'),
    head: async (ref) => {
      const body = objects.get(nameOf(ref));
      return body && { sizeBytes: body.length, etag: '"1"', metadata: {} };
    },
    list: async function* (bucket, prefix) {
      for (const key of keysIn(bucket, prefix)) yield { key, sizeBytes: 1, etag: '"1"' };
    },
    listFolders: async function* (bucket, prefix) {
      const folders = keysIn(bucket, prefix).flatMap((key) => {
        const [folder, rest] = key.slice(prefix.length).split('/', 2);
        return rest === undefined ? [] : [`${prefix}${folder}/`];
      });
      yield* new Set(folders);
    },
    checkBucket: async () => undefined,
    putFile: refused,
    copy: refused,
    presignGet: refused,
    signingCredentials: refused,
    delete: refused,
    createBucket: refused,
    close: () => undefined,
  };
}
