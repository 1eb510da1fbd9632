import { ContactSheetFiles } from '../../../src/activities/seal/contact-sheet-files.js';
import type { FailureKind } from '../../../src/domain/rows/failure-kind.js';
import type { RowEnd } from '../../../src/domain/rows/outcome.js';
import type { ShardRow } from '../../../src/domain/rows/row.js';
import { EMPTY_TALLY } from '../../../src/domain/batch/tally.js';
import { thumbnailOf } from './thumbnail-of.js';
import { LedgerFiles } from '../../../src/ledger/files/ledger-files.js';
import { at, imageKey, thumbnailKey, type RunRef } from '../../../src/storage/layout.js';
import type { ObjectStore } from '../../../src/storage/object-store.js';
import { samplePng } from './sample-images.js';
import { hashOf, sampleRow, storedOutcome } from '../sample-rows.js';

const STYLES = ['photo', 'oil painting', 'line drawing', 'low-poly render'];
const SUBJECTS = ['heron', 'lighthouse', 'teapot', 'tram', 'orchard', 'harbour', 'violin'];
/** Different images. */
const LOOKS = 60;
/** The first row's image, whose thumbnail is lost. */
export const LOST = hashOf(LOOKS);
const SIZES = [
  [1024, 1024],
  [1344, 768],
  [768, 1344],
] as const;

/** The rows: every 1000th has a name; every 50th failed, a third of these by refusal. */
function longRow(position: number): { readonly row: ShardRow; readonly end: RowEnd } {
  const style = STYLES[position % STYLES.length] ?? '';
  const subject = SUBJECTS[position % SUBJECTS.length] ?? '';
  const row = {
    ...sampleRow(`${subject}-${position}`),
    position,
    line: position + 2,
    prompt: `A ${style} of a ${subject}, <b>number</b> ${position}`,
    labels: { style, subject, sku: `SKU-${position}` },
    ...(position % 1000 === 500 && { imageName: `named/SF ${position}` }),
  };
  const image = position === 0 ? { ...imageOf(0), sha256: LOST } : imageOf(position % LOOKS);
  if (position % 50 !== 49) return { row, end: { kind: 'stored', adopted: false, image } };
  const failure: FailureKind = position % 150 === 149 ? 'refused' : 'flaky';
  return { row, end: { kind: 'failed', failure, message: 'upstream returned no image' } };
}

function imageOf(look: number): Extract<RowEnd, { kind: 'stored' }>['image'] {
  const [width, height] = SIZES[look % SIZES.length] ?? SIZES[0];
  return { type: 'png', width, height, sizeBytes: 1_234_567, sha256: hashOf(look), thumbnail: true };
}

/**
 * Writes the contact sheet of a batch of that many rows, with thumbnails and without images. The thumbnail of the first
 * image is lost, and the image itself is there.
 */
export async function writeLongContactSheet(store: ObjectStore, run: RunRef, rows: number): Promise<void> {
  for (let look = 0; look < LOOKS; look++) {
    const { width, height, sha256 } = imageOf(look);
    const picture = { width: width / 8, height: height / 8 };
    const png = samplePng(picture.width, picture.height, 60 + look * 3);
    const thumbnail = await thumbnailOf(png, 'png');
    if (!thumbnail) throw new Error('A sample image gave no thumbnail.');
    await store.put(at(run, thumbnailKey(run, sha256)), thumbnail, { contentType: 'image/webp' });
    if (look > 0) continue;
    await store.put(at(run, imageKey(run, longRow(0).row.imageName, 'png')), png, {
      contentType: 'image/png',
    });
  }
  const failed = Math.floor(rows / 50);
  const refused = Math.floor(rows / 150);
  const tally = {
    ...EMPTY_TALLY,
    total: rows,
    stored: rows - failed,
    failed,
    failuresByKind: { refused, flaky: failed - refused },
  };
  await LedgerFiles.with(store, run, async (files) => {
    const sheet = new ContactSheetFiles(files, run, tally);
    for (let position = 0; position < rows; position++) {
      const { row, end } = longRow(position);
      const outcome = storedOutcome(row.rowId, position, 1);
      await sheet.add(row, { ...outcome, end, imageKey: `images/train/${row.imageName}.png` });
    }
    const pairs = { positions: [7, 70_007, 1_234], groups: [1, 1, 2], bits: [3, 3, 0] };
    await sheet.end([{ name: 'near-duplicates', images: 3, ...pairs }], '2026-01-02T03:04:05.678Z');
  });
}
