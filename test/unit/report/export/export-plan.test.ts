import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LabelTypes } from '../../../../src/domain/rows/label-types.js';
import { EMPTY_TALLY } from '../../../../src/domain/batch/tally.js';
import { exportColumns } from '../../../../src/report/export/export-columns.js';
import type { ExportManifest, FinishedShard } from '../../../../src/report/export/export-manifest.js';
import { continuationOf } from '../../../../src/report/export/found-export.js';
import { ShardSplit } from '../../../../src/report/export/export-plan.js';
import { CardCounts } from '../../../../src/report/card-counts.js';
import { cardToPlace, datasetCard } from '../../../../src/report/dataset-card.js';

const row = fc.record({
  lineBytes: fc.integer({ min: 1, max: 500 }),
  imageBytes: fc.integer({ min: 1, max: 5_000 }),
  shardBytes: fc.integer({ min: 1, max: 6_000 }),
});

test('shards hold all rows in order, within the size limit unless of one row, and none needlessly small', () => {
  fc.assert(
    fc.property(fc.array(row), fc.integer({ min: 1, max: 20_000 }), (rows, limit) => {
      const split = new ShardSplit(limit);
      for (const one of rows) split.add(one);
      let [next, end] = [0, 0];
      for (const slice of split.slices) {
        const own = rows.slice(next, next + slice.images);
        const sizeOf = (these: typeof rows): number =>
          these.reduce((sum, { shardBytes }) => sum + shardBytes, 0);
        expect(slice.start).toBe(end);
        expect(slice.imageBytes).toBe(own.reduce((sum, { imageBytes }) => sum + imageBytes, 0));
        expect(own.length === 1 || sizeOf(own) <= limit).toBe(true);
        next += slice.images;
        end = slice.end;
        const follower = rows[next];
        expect(!follower || sizeOf([...own, follower]) > limit).toBe(true);
      }
      expect([next, end]).toEqual([rows.length, rows.reduce((sum, { lineBytes }) => sum + lineBytes, 0)]);
    }),
  );
});

test('columns of an export have unique names, and labels are renamed', () => {
  const types = new LabelTypes(['image', 'input_image', 'Row_ID', '', 'prompt', 'class']);
  const names = exportColumns(types, true).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(exportColumns(types, false).map(({ name }) => name)).toEqual(
    names.filter((name) => name !== 'input_images'),
  );
  expect(names.slice(-6)).toEqual([
    'input_image',
    'input_input_image',
    'input_Row_ID',
    'input_',
    'input_prompt',
    'class',
  ]);
});

function shard(name: string): FinishedShard {
  return { name, images: 1, sizeBytes: 10, sha256: 'x' };
}

describe('an existing export', () => {
  const [A, B, C] = ['train-00000-of-00002.tar', 'train-00001-of-00002.tar', 'train-00000-of-00001.tar'];
  const identity: Omit<ExportManifest, 'plan' | 'shards'> = {
    format: 1,
    batchId: 'b',
    runSeq: 1,
    exportFormat: 'webdataset',
    shardBytes: 1,
    sealedAt: '',
    images: 2,
    imageBytes: 2,
    columns: [],
  };
  const planned = [A, B].map((name) => ({
    name,
    start: 0,
    end: 1,
    images: 1,
    imageBytes: 1,
    imageType: 'png',
    rowsPath: '',
  }));
  const plan = { digest: 'new', shards: planned };
  const at = { address: 'here', overwrite: false };

  test('is continued if the plan is the same, as far as its shards are complete', () => {
    const unfinished = {
      ...identity,
      plan: 'new',
      planned: [A, B],
      replaces: [C],
      shards: [shard(A), shard(B)],
    };
    const files = new Map([
      [A, 10],
      [B, 9],
      [C, 5],
    ]);
    const { finished, isComplete, replaces } = continuationOf(
      { manifest: undefined, unfinished, files },
      plan,
      at,
    );
    expect([...finished.keys()]).toEqual([A]);
    expect({ isComplete, replaces: replaces.toSorted() }).toEqual({
      isComplete: false,
      replaces: [C, B].toSorted(),
    });
  });

  test('is complete only with its manifest', () => {
    const manifest = { ...identity, plan: 'new', shards: [shard(A), shard(B)] };
    const files = new Map([
      [A, 10],
      [B, 10],
    ]);
    expect(continuationOf({ manifest, unfinished: undefined, files }, plan, at).isComplete).toBe(true);
    files.delete(B);
    expect(continuationOf({ manifest, unfinished: undefined, files }, plan, at).isComplete).toBe(false);
  });

  test('is refused if it is another export or not ours', () => {
    const manifest = { ...identity, plan: 'old', shards: [shard(C)] };
    const files = new Map([[C, 10]]);
    expect(() => continuationOf({ manifest, unfinished: undefined, files }, plan, at)).toThrow(/--overwrite/);
    const overwrite = { ...at, overwrite: true };
    expect(continuationOf({ manifest, unfinished: undefined, files }, plan, overwrite).replaces).toEqual([C]);
    expect(() =>
      continuationOf({ manifest: undefined, unfinished: undefined, files }, plan, overwrite),
    ).toThrow(/not in an export\.json/);
  });
});

function cardOf(batchId: string, column = 'class', content = `metadata ${batchId}`): string {
  return datasetCard({
    batchId,
    runSeq: 1,
    content,
    counts: new CardCounts(),
    tally: { ...EMPTY_TALLY, failed: 2, rejected: 1 },
    dataFiles: 'train-*.tar',
    columns: [{ name: column, type: 'string' }],
    layout: 'In tars.',
    loading: [],
  });
}

/** A card without the lines that describe its config. */
function besides(text: string): string {
  return text.replaceAll(/^.*description: .*$/gm, '');
}

function renewed(text: string): string {
  return text.replace('Batch old, run 1, metadata old', 'Batch new, run 1, metadata new');
}

describe('a dataset card', () => {
  test('replaces an unedited or missing one, and keeps an edited one', () => {
    const [old, fresh] = [cardOf('old'), cardOf('new')];
    expect(cardToPlace(fresh, undefined)).toEqual({ text: fresh, isEdited: false });
    expect(cardToPlace(fresh, old)).toEqual({ text: fresh, isEdited: false });
    const headerEnd = old.indexOf('\n---\n', 4) + 5;
    fc.assert(
      fc.property(fc.nat(old.length), fc.string({ minLength: 1 }), (at, added) => {
        const edited = old.slice(0, at) + added + old.slice(at);
        const { text, isEdited } = cardToPlace(fresh, edited);
        expect(isEdited).toBe(true);
        expect(besides(text)).toBe(besides(edited));
        expect(at > headerEnd ? text : renewed(edited)).toBe(renewed(edited));
      }),
    );
    for (const other of ['', '# Mine\n', '---\nlicense: mit\n---\n# Mine\n']) {
      expect(cardToPlace(fresh, other)).toEqual({ text: other, isEdited: true });
    }
    for (const edited of [old.trimEnd(), old.replaceAll('\n', '\r\n'), old.replace('# old', '# Mine')]) {
      expect(cardToPlace(fresh, edited)).toEqual({ text: renewed(edited), isEdited: true });
    }
  });

  test('that was edited gets a new description in any quotes and depth, and only in the header', () => {
    const fresh = cardOf('new');
    const description = 'Batch old, run 12, metadata 0ab, data 1cd';
    const edited = (line: string): string =>
      `---\nlicense: mit\nconfigs:\n- config_name: default\n${line}\n  data_files: x\n---\n\ndescription: ${description}\n`;
    const wanted = 'Batch new, run 1, metadata new';
    for (const [before, after] of [
      [`  description: ${description}`, `  description: ${wanted}`],
      [`  description: "${description}"`, `  description: ${wanted}`],
      [`      description: '${description}'  `, `      description: ${wanted}  `],
    ] as const) {
      expect(cardToPlace(fresh, edited(before)).text).toBe(edited(after));
    }
    const own = edited('  description: Batches of old mills');
    expect(cardToPlace(fresh, own).text).toBe(own);
  });

  test('leaves the licence open, lists what is missing, and escapes odd column names', () => {
    const card = cardOf('no', 'a|`b`\nc');
    expect(card).toContain('# license: ');
    expect(card).not.toMatch(/^license:/m);
    expect(card).toContain('pretty_name: "no"');
    expect(card).toContain('Rows without an image: 2 failed, 1 rejected.');
    expect(card).toContain('| `` a\\|`b` c `` | string |');
  });
});
