import { StorageError, type ObjectRef, type ObjectStore } from '../storage/object-store.js';

/** Whether a put on the condition that nothing is there took effect; false where something was there already. */
export async function putOnce(
  store: ObjectStore,
  ref: ObjectRef,
  put: () => Promise<unknown>,
): Promise<boolean> {
  if (await store.head(ref)) return false;
  try {
    await put();
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'precondition-failed') return false;
    throw error;
  }
}
