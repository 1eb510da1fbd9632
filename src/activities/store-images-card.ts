import { cardToPlace } from '../report/dataset-card.js';
import { at, imagesCardKey, type RunRef } from '../storage/layout.js';
import { StorageError, type ObjectStore } from '../storage/object-store.js';

/** Writes the card of a batch's images; where someone has edited the one that is there, only what it says of the data's identity. Throws `StorageError`. */
export async function storeImagesCard(store: ObjectStore, run: RunRef, text: string): Promise<void> {
  const ref = at(run, imagesCardKey(run));
  let present: string | undefined;
  try {
    present = await store.readText(ref);
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'not-found')) throw error;
  }
  const card = cardToPlace(text, present);
  if (card.text !== present) {
    await store.put(ref, Buffer.from(card.text), { contentType: 'text/markdown; charset=utf-8' });
  }
}
