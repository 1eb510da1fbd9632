import type { ObjectStore, StorageError } from './object-store.js';

/** Represents a bucket that cannot be used: every call throws `reason` at once. */
export function absentStore(reason: StorageError): ObjectStore {
  const refuse = async (): Promise<never> => {
    throw reason;
  };
  // oxlint-disable-next-line require-yield -- it ends before its first object
  const refuseAll = async function* (): AsyncGenerator<never> {
    throw reason;
  };
  return {
    put: refuse,
    putFile: refuse,
    copy: refuse,
    read: refuse,
    presignGet: refuse,
    signingCredentials: refuse,
    readText: refuse,
    head: refuse,
    list: refuseAll,
    listFolders: refuseAll,
    delete: refuse,
    checkBucket: refuse,
    createBucket: refuse,
    close: () => undefined,
  };
}
