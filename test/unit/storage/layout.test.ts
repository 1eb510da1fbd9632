import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBatchId } from '../../../src/domain/rows/ids.js';
import * as layout from '../../../src/storage/layout.js';

const batchId = parseBatchId('spring');
if (batchId === undefined) throw new Error('spring is a batch id');
const root = 'team/spring/';
const location = { bucket: 'pictures', root, batchId };

describe('the layout of a batch in the bucket', () => {
  it('puts every object where the documentation says', () => {
    expect(layout.homeOf({ bucket: 'pictures', prefix: 'team/' }, batchId)).toEqual(location);
    expect(layout.homeOf({ bucket: 'pictures', prefix: '' }, batchId).root).toBe('spring/');
    expect(layout.addressOf(location)).toBe('s3://pictures/team/spring/');
    expect(layout.batchRoot(location)).toBe(root);
    expect(layout.placeKey(location)).toBe(`${root}place.json`);
    expect(layout.batchFileKey(location)).toBe(`${root}batch.json`);
    expect(layout.inputKey(location, 'ab12', 'csv')).toBe(`${root}inputs/ab12.csv`);
    expect(layout.runsPrefix(location)).toBe(`${root}runs/`);
    expect(layout.rowsKey(location, 1, 0)).toBe(`${root}runs/0001/rows/00000.jsonl`);
    expect(layout.partsPrefix(location, 1)).toBe(`${root}runs/0001/parts/`);
    expect(layout.partKey(location, 1, 0, 3)).toBe(`${root}runs/0001/parts/00000-003.jsonl`);
    expect(layout.carriedKey(location, 2)).toBe(`${root}runs/0002/carried.jsonl`);
    expect(layout.outcomesKey(location, 1)).toBe(`${root}runs/0001/outcomes.jsonl`);
    expect(layout.imageKey(location, 'red%20cat', 'jpg')).toBe(`${root}images/train/red%20cat.jpg`);
    expect(layout.metadataKey(location)).toBe(`${root}images/train/metadata.jsonl`);
    expect(layout.failuresKey(location)).toBe(`${root}failures.csv`);
    expect(layout.rejectsKey(location)).toBe(`${root}rejects.csv`);
    expect(layout.contactSheetKey(location)).toBe(`${root}contact-sheet.html`);
    expect(layout.contactSheetFolder({ ...location, runSeq: 2 })).toBe(`${root}contact-sheet/0002/`);
    expect(layout.thumbnailKey(location, 'ab12')).toBe(`${root}thumbnails/ab12.webp`);
    expect(layout.nearDuplicatesKey(location)).toBe(`${root}near-duplicates.csv`);
    expect(layout.reportKey(location)).toBe(`${root}report.json`);
    expect(layout.probeKey(location)).toBe(`${root}probe.txt`);
  });

  it('lets numbers exceed their padding', () => {
    expect(layout.partKey(location, 12_345, 123_456, 1_234)).toBe(
      `${root}runs/12345/parts/123456-1234.jsonl`,
    );
  });

  it('never gives two parts the same key', () => {
    const place = fc.tuple(fc.nat(), fc.nat(), fc.nat());
    fc.assert(
      fc.property(place, place, (one, other) => {
        fc.pre(one.join() !== other.join());
        expect(layout.partKey(location, ...one)).not.toBe(layout.partKey(location, ...other));
      }),
    );
  });

  it('builds an object reference in the same bucket from a key', () => {
    expect(layout.at(location, layout.reportKey(location))).toEqual({
      bucket: 'pictures',
      key: `${root}report.json`,
    });
  });
});
