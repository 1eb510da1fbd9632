import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { countDifferences, Differences } from '../../../../src/ledger/audit/difference.js';
import { imageDifferences } from '../../../../src/ledger/audit/verify-images.js';
import { indexSealedRows } from '../../../../src/ledger/audit/sealed-rows-index.js';
import { fixedKeys, placeOf } from '../../../../src/ledger/audit/stray-objects.js';
import { digestDifferences, mayBeNewer } from '../../../../src/ledger/audit/verify-files.js';
import type { JobId } from '../../../../src/domain/rows/ids.js';
import type { RowOutcome } from '../../../../src/domain/rows/outcome.js';
import { NO_SAME_BYTES } from '../../../../src/domain/images/same-bytes.js';
import { SealedCounts } from '../../../../src/domain/batch/tally.js';
import { toStoredIdentity } from '../../../../src/domain/images/stored-identity.js';
import { FAILURE_KINDS } from '../../../../src/domain/rows/failure-kind.js';
import { toJsonLines } from '../../../../src/ledger/files/json-lines.js';
import { failedOutcome, hashOf, sampleRun, storedOutcome } from '../../../support/sample-rows.js';

const OUTCOMES: readonly RowOutcome[] = [
  storedOutcome('a', 1, 1),
  storedOutcome('b', 2, 2),
  ...FAILURE_KINDS.map((failure, index) => failedOutcome(failure, 10 + index)),
];

describe('the numbers of a report', () => {
  const counts = new SealedCounts(3);
  for (const outcome of OUTCOMES) counts.add(outcome);
  const { tally, charged } = counts;

  test('agree with the outcomes they were counted from', () => {
    expect(countDifferences({ tally, charged, sameBytes: NO_SAME_BYTES }, counts, NO_SAME_BYTES)).toEqual([]);
    // Reports of earlier versions have no field for images with the same bytes.
    const found = { images: 2, examples: [] };
    expect(countDifferences({ tally, charged }, counts, found)).toEqual([]);
  });

  test('are reported if they disagree, with both values', () => {
    const failuresByKind = { ...tally.failuresByKind, flaky: 9 };
    const report = { tally: { ...tally, stored: 5, failuresByKind }, charged: { ...charged, yes: 0 } };
    const found = countDifferences(report, counts, NO_SAME_BYTES);
    expect(found.map(({ field, expected, found: told }) => [field, expected, told])).toEqual([
      ['tally.stored', 2, 5],
      ['tally.failuresByKind.flaky', 1, 9],
      ['charged.yes', 2, 0],
      ['tally (its sum)', tally.total + 3, tally.total],
    ]);
  });
});

describe('the object under a stored row’s key', () => {
  const outcome = storedOutcome('a', 1, 7);
  const image = { type: 'png', width: 1, height: 1, sizeBytes: 9, sha256: hashOf(7) } as const;
  const identity = {
    contentHash: hashOf(1),
    runSeq: 1,
    generation: 1,
    jobId: 'job-1' as JobId,
    image,
  };
  const head = { sizeBytes: 9, metadata: toStoredIdentity(identity) };
  const kinds = (evidence: Parameters<typeof imageDifferences>[1]): readonly string[] =>
    imageDifferences(outcome, evidence, 1).map(({ kind }) => kind);

  test('is the row’s image by size and identity, and by its bytes if they were read', () => {
    expect(kinds({ head })).toEqual([]);
    expect(kinds({ head, bytes: { sha256: image.sha256, sizeBytes: 9 } })).toEqual([]);
    expect(kinds({ head, bytes: { sha256: hashOf(8), sizeBytes: 9 } })).toEqual(['changed-image']);
  });

  test('is reported for what is wrong with it', () => {
    expect(kinds({ head: undefined })).toEqual(['missing-image']);
    expect(kinds({ head: { ...head, sizeBytes: 8 } })).toEqual(['changed-image']);
    expect(kinds({ head: { ...head, metadata: {} } })).toEqual(['wrong-identity']);
    const other = toStoredIdentity({ ...identity, contentHash: hashOf(2) });
    expect(kinds({ head: { ...head, metadata: other } })).toEqual(['wrong-identity']);
    const replaced = toStoredIdentity({ ...identity, image: { ...image, sha256: hashOf(8) } });
    expect(kinds({ head: { ...head, metadata: replaced } })).toEqual(['changed-image']);
  });

  test('is not judged if a newer run has put it there', () => {
    const newer = toStoredIdentity({ ...identity, runSeq: 2, contentHash: hashOf(2) });
    expect(kinds({ head: { sizeBytes: 1, metadata: newer } })).toEqual([]);
  });
});

test.each([
  ['batch.json', 'known'],
  ['report.json', 'known'],
  ['probe.txt', 'known'],
  ['inputs/whatever.csv', 'known'],
  ['runs/0007/parts/00000-001.jsonl', 'known'],
  ['images/train/', 'known'],
  ['images/train/metadata.jsonl', 'known'],
  ['images/train/a.png', 'known'],
  ['images/train/a.jpg', 'image'],
  ['images/other/a.png', 'foreign-object'],
  ['contact-sheet.html', 'known'],
  ['contact-sheet/0002/rows-00000.js', 'known'],
  ['contact-sheet/0002/rows-00001.js', 'stale-page'],
  ['contact-sheet/0001/filter-00.js', 'stale-page'],
  ['contact-sheet/0003/rows-00000.js', 'foreign-object'],
  ['contact-sheet/0003.html', 'stale-page'],
  ['near-duplicates.csv', 'stale-page'],
  [`thumbnails/${hashOf(1)}.webp`, 'known'],
  [`thumbnails/${hashOf(2)}.webp`, 'spare-thumbnail'],
  ['contact-sheet/mine.html', 'foreign-object'],
  ['.DS_Store', 'foreign-object'],
])('%s is %s to the final report of a second run, with one image', (key, place) => {
  const sealed = {
    isStoredImage: (image: string) => image === 'images/train/a.png',
    isStoredBytes: (sha256: string) => sha256 === hashOf(1),
    isSealedFile: (file: string) => file === 'contact-sheet/0002/rows-00000.js',
    runSeq: 2,
  };
  expect(placeOf(key, sealed, fixedKeys(sampleRun))).toBe(place);
});

test('a stored image is also recognized in another letter case, in which some disks list a renamed one', async () => {
  const lines = toJsonLines([storedOutcome('Foo', 1, 1), storedOutcome('b/größe', 2, 2)]);
  const copy = { read: () => Readable.from([lines]), sha256: '', sizeBytes: 0 };
  const index = await indexSealedRows(copy, 'outcomes', 0, new Differences(0));
  const names = ['Foo', 'foo', 'FOO', 'B/größe', 'b/GRÖSSE', 'b/gro\u0308ße', 'food', 'b/grosse'];
  expect(names.filter((name) => index.isStoredImage(`images/train/${name}.png`))).toEqual(names.slice(0, 6));
  expect(index.lineOfImage('images/train/foo.png')).toBeUndefined();
});

function compared(newestRunSeq: number, isBeingReplaced: boolean): readonly string[] {
  return ['batch.json', 'rejects.csv', 'failures.csv', 'runs/0001/outcomes.jsonl'].filter(
    (key) => !mayBeNewer(key, { run: sampleRun, newestRunSeq, isBeingReplaced }, 'runs/'),
  );
}

test('a file is compared unless an unfinished run may have rewritten it', () => {
  expect(compared(1, false)).toHaveLength(4);
  expect(compared(2, false)).toEqual(['failures.csv', 'runs/0001/outcomes.jsonl']);
  expect(compared(2, true)).toEqual(['runs/0001/outcomes.jsonl']);
});

test('a file is missing, changed, or as in the final report', () => {
  expect(digestDifferences('a', 'x', undefined)).toMatchObject([{ kind: 'missing-file' }]);
  expect(digestDifferences('a', 'x', 'y')).toMatchObject([{ kind: 'changed-file' }]);
  expect(digestDifferences('a', 'x', 'x')).toEqual([]);
  expect(digestDifferences('a', undefined, 'x')).toEqual([]);
});

test('all differences are counted, and up to the limit are kept', () => {
  const differences = new Differences(1);
  differences.add({ kind: 'missing-image', key: 'a' }, { kind: 'missing-image', key: 'b' });
  expect(differences).toMatchObject({ total: 2, byKind: { 'missing-image': 2 }, kept: [{ key: 'a' }] });
});
