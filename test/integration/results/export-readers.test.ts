import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { exportCommand, type ExportOptions } from '../../../src/cli/results/export.js';
import type { JsonValue } from '../../../src/domain/text/json.js';
import { startActivityBench, type ActivityBench } from '../../support/batches/activity-bench.js';
import { performCommand } from '../../support/commands/command-run.js';
import { isAvailable } from '../../support/setup/required.js';
import { sealBatch, type SealedImage } from '../../support/batches/sealed-batches.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';
import { bucketConfig } from '../../support/stack/server-config.js';

const ROWS = 9;
const TYPES = ['png', 'jpg', 'webp'] as const;
const python = process.env['BANANA_TEST_PYTHON'];

/** What the reading script returns for a row: the sha256 of its image's bytes, its decoded size, and its columns. */
const Row = z.object({
  image: z.tuple([z.string(), z.int(), z.int()]),
  cells: z.record(z.string(), z.unknown()),
});
type Row = z.infer<typeof Row>;
const Pair = z.object({ size: z.array(z.int()), text: z.string() });

/** Labels of a row in the sheet, and the cells that an export has for them. */
const LABELS: readonly {
  readonly sheet: Readonly<Record<string, JsonValue>>;
  readonly cells: Row['cells'];
}[] = [
  {
    sheet: { flag: null, score: 1, 'a.b': 'x', nested: { tags: ['a', { b: null }] }, big: 2 ** 60, mixed: 1 },
    cells: {
      score: 1,
      'a.b': 'x',
      nested: '{"tags":["a",{"b":null}]}',
      big: '1152921504606847000',
      mixed: '1',
    },
  },
  {
    sheet: { flag: true, score: 0.5, nested: [], mixed: 'two', image: 'a label', Sha256: 'other', späť: '"' },
    cells: {
      flag: true,
      score: 0.5,
      nested: '[]',
      mixed: 'two',
      input_image: 'a label',
      input_Sha256: 'other',
      späť: '"',
    },
  },
  { sheet: { late: 7, score: null }, cells: { late: 7 } },
];
const NO_LABELS = {
  flag: null,
  score: null,
  'a.b': null,
  nested: null,
  big: null,
  mixed: null,
  input_image: null,
  input_Sha256: null,
  späť: null,
  late: null,
};

function promptOf(row: number): string {
  return `Ein "Käfer"\nauf Zeile ${row}, 🦊 — \t'ok'`;
}

async function runPython(script: string, args: readonly string[], home: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    python ?? '',
    [path.resolve(import.meta.dirname, '../../support/python', script), ...args],
    { env: { HOME: home, PATH: process.env['PATH'] ?? '', HF_HUB_OFFLINE: '1', HF_HOME: home } },
  );
  return stdout;
}

async function drawImages(folder: string): Promise<readonly SealedImage[]> {
  await runPython('draw_images.py', [folder, String(ROWS)], folder);
  const images: SealedImage[] = [];
  for (let row = 0; row < ROWS; row += 1) {
    const type = TYPES[row % TYPES.length] ?? 'png';
    const body = await readFile(path.join(folder, `${row}.${type}`));
    images.push({ body, type, width: 16 + row, height: 20 });
  }
  return images;
}

function expectedRow({ body, type, width, height }: SealedImage, row: number): Row {
  const sha256 = createHash('sha256').update(body).digest('hex');
  return {
    image: [sha256, width, height],
    cells: {
      prompt: promptOf(row),
      model: 'pro',
      aspect_ratio: '1:1',
      resolution: '1K',
      width,
      height,
      sha256,
      file_name: expect.stringMatching(new RegExp(`\\.${type}$`)),
      row_id: `r/${row} ü`,
      ...NO_LABELS,
      ...LABELS[row % LABELS.length]?.cells,
    },
  };
}

function inOrder(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((a, b) => String(a.cells['row_id']).localeCompare(String(b.cells['row_id'])));
}

function pairText({ text, size }: z.infer<typeof Pair>): string {
  return `${text} ${size.join()}`;
}

function imageText({ image, cells }: Row): string {
  return `${image.join()} ${String(cells['note'])}`;
}

describe.runIf(isAvailable('Python with datasets (BANANA_TEST_PYTHON)', python !== undefined))(
  'an export of PNG, JPEG and WebP with labels of all kinds',
  () => {
    let bench: ActivityBench;
    let scratch: TemporaryFolder;
    let images: readonly SealedImage[];
    let expected: readonly Row[];
    const image = ({ position }: { readonly position: number }): SealedImage => {
      const drawn = images[position];
      if (!drawn) throw new Error(`There is no image ${position}.`);
      return drawn;
    };
    beforeAll(async () => {
      [bench, scratch] = await Promise.all([startActivityBench(), temporaryFolder()]);
      images = await drawImages(scratch.path);
      expected = images.map(expectedRow);
      const sheet = images.map((_, row) =>
        JSON.stringify({ id: `r/${row} ü`, prompt: promptOf(row), ...LABELS[row % LABELS.length]?.sheet }),
      );
      await sealBatch(bench, 'kinds', sheet, 1, { requestChanges: { sheetName: 'sheet.jsonl' }, image });
    });
    afterAll(async () => {
      await bench?.stop();
      await scratch?.remove();
    });

    const exportTo = async (folder: string, format: ExportOptions['format']): Promise<void> => {
      const options = { id: 'kinds', format, to: folder, shardSize: 64 * 1024, overwrite: false, json: true };
      const { code } = await performCommand(exportCommand, options, {
        config: { bucket: bucketConfig(bench.s3, 'tests/') },
      });
      expect(code).toBe(0);
    };
    const read = async <T>(reader: string, folder: string, schema: z.ZodType<T>): Promise<readonly T[]> => {
      const output = await runPython('read_export.py', [reader, folder], scratch.path);
      const lines = output.split('\n').filter((line) => line.startsWith('{'));
      return lines.map((line) => schema.parse(JSON.parse(line)));
    };

    const sealed = (name: string, mark: string, runSeq = 1, from = 0) => {
      const sheet = ['id,prompt,note', ...[0, 1, 2].map((row) => `r${row},bird ${row},${mark}${row}`)];
      return sealBatch(bench, name, sheet, runSeq, {
        image: ({ position }) => image({ position: position + from }),
      });
    };
    const notesIn = async (reader: string, folder: string): Promise<readonly string[]> =>
      (await read(reader, folder, Row)).map(({ cells }) => String(cells['note'])).toSorted();
    const exportOf = async (id: string, format: ExportOptions['format'], overwrite = false) => {
      const to = path.join(scratch.path, id, format);
      const options = { id, format, to, shardSize: 64 * 1024, overwrite, json: true };
      const config = { bucket: bucketConfig(bench.s3, 'tests/') };
      expect((await performCommand(exportCommand, options, { config })).code).toBe(0);
      return to;
    };

    it('opens as Parquet with pyarrow and datasets, with all rows, columns, bytes and pixels', async () => {
      const folder = path.join(scratch.path, 'parquet');
      await exportTo(folder, 'parquet');
      for (const reader of ['pyarrow', 'datasets_parquet']) {
        expect(inOrder(await read(reader, folder, Row))).toEqual(expected);
      }
    });

    it('opens as WebDataset with webdataset, datasets and open_clip’s pipeline, with the same content', async () => {
      const folder = path.join(scratch.path, 'tars');
      await exportTo(folder, 'webdataset');
      for (const reader of ['webdataset', 'datasets_tar']) {
        expect(inOrder(await read(reader, folder, Row))).toEqual(expected);
      }
      const pairs = await read('open_clip', folder, Pair);
      const wanted = expected.map(({ image: [, ...size] }, row) => pairText({ size, text: promptOf(row) }));
      expect(pairs.map(pairText).toSorted()).toEqual(wanted.toSorted());
    });

    it('is not needed to load the batch’s own image folder with datasets', async () => {
      const sheet = ['id,prompt,note', ...images.map((_, row) => `${row},"Käfer, ""${row}""\n",n${row}`)];
      await sealBatch(bench, 'own-folder', sheet, 1, { image });
      const folder = path.join(bench.s3.folder, bench.s3.bucket, 'tests/own-folder/images');
      const rows = await read('imagefolder', folder, Row);
      const wanted = expected.map(({ image: facts }, row) =>
        imageText({ image: facts, cells: { note: `n${row}` } }),
      );
      expect(rows.map(imageText).toSorted()).toEqual(wanted.toSorted());
    });

    it('is distinguished by datasets from another batch in a folder of the same name, and from earlier content', async () => {
      const readers = [
        [
          'imagefolder',
          async (id: string) => path.join(bench.s3.folder, bench.s3.bucket, 'tests', id, 'images'),
        ],
        ['datasets_parquet', (id: string, again?: boolean) => exportOf(id, 'parquet', again)],
        ['datasets_tar', (id: string, again?: boolean) => exportOf(id, 'webdataset', again)],
      ] as const;
      const first = await sealed('twin-a', 'a');
      await sealed('twin-b', 'b', 1, 3);
      for (const [reader, folderOf] of readers) {
        expect(await notesIn(reader, await folderOf('twin-a'))).toEqual(['a0', 'a1', 'a2']);
        expect(await notesIn(reader, await folderOf('twin-b'))).toEqual(['b0', 'b1', 'b2']);
      }
      // Replaced, with an edited card.
      const card = 'images/README.md';
      await first.put(card, (await first.text(card)).replace('# twin-a', '# My birds'));
      await sealed('twin-a', 'new', 2);
      expect(await first.text(card)).toContain('# My birds');
      for (const [reader, folderOf] of readers) {
        expect(await notesIn(reader, await folderOf('twin-a', true))).toEqual(['new0', 'new1', 'new2']);
      }
    }, 240_000);
  },
);
