import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageNameOf } from '../../../../src/domain/images/image-name.js';
import type { JobId } from '../../../../src/domain/rows/ids.js';
import type { GenerationRecord, RowEnd } from '../../../../src/domain/rows/outcome.js';
import type { PromptRow } from '../../../../src/domain/rows/row.js';
import { EMPTY_TALLY } from '../../../../src/domain/batch/tally.js';
import { FacetCollector } from '../../../../src/report/contact-sheet/facets.js';
import { contactSheetRow } from '../../../../src/report/contact-sheet/row.js';
import {
  contactSheetFile,
  contactSheetPage,
  type ContactSheetPage,
} from '../../../../src/report/contact-sheet/contact-sheet.js';
import { hashOf, sampleRow, storedOutcome } from '../../../support/sample-rows.js';

const stored: RowEnd = {
  kind: 'stored',
  adopted: false,
  image: { type: 'png', width: 1344, height: 768, sizeBytes: 20_480, sha256: hashOf(1) },
};
const flaky: RowEnd = { kind: 'failed', failure: 'flaky', message: 'upstream returned no image' };

/** The texts of a card, and its data: columns are numbered in the order of their names. */
function shown(
  changes: Partial<PromptRow>,
  end = stored,
  generations: readonly GenerationRecord[] = [],
): ReturnType<typeof contactSheetRow> {
  const row = { ...sampleRow('row-a'), ...changes };
  const outcome = { ...storedOutcome('row-a', 1, 1), end, generations };
  const names: string[] = [];
  return contactSheetRow(row, { ...outcome, imageKey: `images/train/${row.imageName}.png` }, (name) =>
    names.includes(name) ? names.indexOf(name) : names.push(name) - 1,
  );
}

function page(changes: Partial<ContactSheetPage> = {}): string {
  return contactSheetPage({
    batchId: 'fruit',
    tally: { ...EMPTY_TALLY, total: 3, stored: 3 },
    sealedAt: '2026-01-02T03:04:05.678Z',
    folder: 'contact-sheet/0001/',
    rows: 3,
    chunkRows: 100,
    columns: [],
    facets: [],
    alike: [],
    firstRows: [],
    ...changes,
  });
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('<', '>', '"', "'", '&', '</script>', '<!--', '\u2028', '\\', '\n', 'a'),
  }),
);

const facetsOf = (rows: readonly (readonly [labels: PromptRow['labels'], end?: RowEnd])[]) => {
  const collector = new FacetCollector();
  for (const [labels, end = stored] of rows)
    collector.add({ ...sampleRow('a'), labels }, { ...storedOutcome('a', 1, 1), end });
  return collector.facets();
};

const tags = (html: string): number => [...html.matchAll(/<[a-z/!]/gi)].length;

const withText = (text: string): string => {
  const values = [{ text, code: 1, rows: 2 }];
  const row = shown({ prompt: text, labels: { a: text } });
  return page({
    columns: [text],
    facets: [{ key: `label.${text}`, title: text, values }],
    firstRows: [row],
  });
};

const textOf = (html: string): string =>
  html.replaceAll(/<style>.*?<\/style>|<[^>]*>/gs, ' ').replaceAll(/\s+/g, ' ');

describe('a row of the contact sheet', () => {
  it('links to the image, with any folders, spaces and special characters in its name', () => {
    const ids = ['%41~x', 'a b/c', '日本語', '🍌~2'];
    for (const imageName of [...ids.map(imageNameOf), '%41~x', 'summer/Größe #1 100%?', "it's"]) {
      const link = shown({ imageName }).image?.link ?? '';
      const { pathname } = new URL(link, 'file:///pre/fruit/contact-sheet.html');
      expect(decodeURIComponent(pathname)).toBe(`/pre/fruit/images/train/${imageName}.png`);
    }
    expect(shown({ imageName: 'half \ud800' }).image?.link).toBe('images/train/half%20%EF%BF%BD.png');
  });

  it('names the thumbnail of an image that has one', () => {
    const end = { ...stored, image: { ...stored.image, thumbnail: true } } as const;
    expect(shown({}, end).image).toMatchObject({ thumbnail: hashOf(1), width: 1344, height: 768 });
    expect(shown({}).image).not.toHaveProperty('thumbnail');
  });

  it('shows why there is no image, and which jobs were used', () => {
    const generations: GenerationRecord[] = [
      { generation: 1, jobId: 'job-1' as JobId, end: 'failed', charged: 'yes' },
      { generation: 2, jobId: 'job-2' as JobId, end: 'failed', charged: 'unknown' },
    ];
    expect(shown({}, flaky, generations)).toMatchObject({
      none: {
        kind: 'failed',
        title: 'Failed: flaky',
        message: 'upstream returned no image',
        used: '2 jobs used, 1 charged, 1 with unknown charge',
      },
      jobs: ['job-1', 'job-2'],
    });
    expect(shown({}, { kind: 'cancelled' }).none).toMatchObject({ used: 'No job used' });
  });

  it('has all labels with content, nested ones as JSON, and input images without signatures', () => {
    const labels = { nested: { a: [1] }, none: null, blank: '', e: true, f: 0 };
    const inputImages = ['https://host/in.png?X-Amz-Signature=s3cr3t'];
    const row = shown({ labels, inputImages });
    expect(row.labels).toEqual([
      [0, '{"a":[1]}'],
      [1, 'true'],
      [2, '0'],
    ]);
    expect(row.inputs).toBe('https://host/in.png');
    expect(JSON.stringify(row)).not.toContain('s3cr3t');
  });
});

describe('the filters of the contact sheet', () => {
  it('are the outcomes, and columns in which some rows share a value and some do not', () => {
    const facets = facetsOf([
      [{ style: 'photo', sku: 1, all: 'x' }],
      [{ style: 'photo', sku: 2, all: 'x' }, flaky],
      [{ sku: 3, all: 'x' }, { kind: 'cancelled' }],
      [{ style: 'woodcut', sku: 4, all: 'x' }],
    ]);
    expect(facets.map(({ key }) => key)).toEqual(['outcome', 'label.style']);
    expect(facets[1]?.values).toEqual([
      { text: '', code: 0, rows: 1 },
      { text: 'photo', code: 1, rows: 2 },
      { text: 'woodcut', code: 2, rows: 1 },
    ]);
    expect([...(facets[1]?.codes ?? [])]).toEqual([1, 1, 0, 2]);
  });

  it('leave out columns with many or long values', () => {
    const many = Array.from(
      { length: 500 },
      (_, at) => [{ n: at % 250, long: 'x'.repeat(101), few: at % 3 }] as const,
    );
    expect(facetsOf(many).map(({ key }) => key)).toEqual(['label.few']);
  });
});

describe('the page of the contact sheet', () => {
  it('shows rows, columns and filters as text only', () => {
    const harmless = tags(withText('a'));
    fc.assert(
      fc.property(hostile, (text) => {
        expect(tags(withText(text))).toBe(harmless);
        const heard: unknown[] = [];
        const file = contactSheetFile('rows-00000', [text]);
        expect(file).not.toMatch(/[<\u2028\u2029]/);
        // Runs the script as a browser does.
        runInNewContext(file, { bananaSheet: (...told: unknown[]) => heard.push(...told) });
        expect(JSON.stringify(heard)).toBe(JSON.stringify(['rows-00000', [text]]));
      }),
    );
  });

  it('loads nothing from other sites and runs only its own script', () => {
    const html = page();
    expect(html).not.toMatch(/https?:|\/\/[a-z]|javascript:|\son[a-z]+=/i);
    expect(html).toMatch(/default-src 'none'; .*script-src 'sha256-[^ ]+' 'self' file:; base-uri 'none'/);
    expect([...html.matchAll(/<script/g)]).toHaveLength(2);
  });

  it('shows the counts of the batch, and links to files that have content', () => {
    const failuresByKind = { refused: 30, flaky: 11 };
    const tally = {
      ...EMPTY_TALLY,
      total: 1240,
      stored: 1180,
      failed: 41,
      rejected: 12,
      cancelled: 7,
      failuresByKind,
    };
    expect(textOf(page({ tally }))).toContain(
      'stored 1,180 failed 41 30 refused , 11 flaky rejected 12 cancelled 7 total 1,240 report.json images/train/metadata.jsonl failures.csv rejects.csv',
    );
    const quiet = textOf(page({ alike: [{ name: 'near-duplicates', images: 0 }] }));
    expect(quiet).toContain(
      'stored 3 total 3 report.json images/train/metadata.jsonl near-duplicates.csv Find',
    );
    expect(textOf(page({ rows: 0 }))).toContain('No rows were accepted.');
  });
});
