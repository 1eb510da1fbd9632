import * as fc from 'fast-check';
import { htmlUnescape } from 'escape-goat';
import { describe, expect, it } from 'vitest';
import type { BatchId, ContentHash, JobId, RowId } from '../../src/domain/ids.js';
import type { GenerationRecord, RowEnd, RowOutcome } from '../../src/domain/outcome.js';
import { imageNameOf } from '../../src/domain/object-key.js';
import type { PromptRow } from '../../src/domain/row.js';
import { EMPTY_TALLY, type Tally } from '../../src/domain/tally.js';
import {
  contactSheetCard,
  contactSheetEnd,
  contactSheetStart,
  type ContactSheetPage,
} from '../../src/report/contact-sheet.js';
import {
  contactSheetKey,
  failuresKey,
  metadataKey,
  rejectsKey,
  reportKey,
} from '../../src/storage/layout.js';

const location = { bucket: 'b', root: 'pre/fruit/', batchId: 'fruit' as BatchId };
const ORIGIN = 'file:///';

const stored: RowEnd = {
  kind: 'stored',
  adopted: false,
  image: { type: 'png', width: 1344, height: 768, sizeBytes: 20_480, sha256: 'ab' },
};

function row(changes: Partial<PromptRow> = {}): PromptRow {
  return {
    position: 7,
    line: 9,
    rowId: 'row-a' as RowId,
    contentHash: 'c0' as ContentHash,
    prompt: 'a banana',
    model: 'pro',
    aspectRatio: '16:9',
    resolution: '1K',
    inputImages: [],
    imageName: 'row-a',
    labels: {},
    ...changes,
  };
}

function outcome(
  of: PromptRow,
  end: RowEnd = stored,
  generations: readonly GenerationRecord[] = [],
): RowOutcome {
  return {
    position: of.position,
    rowId: of.rowId,
    contentHash: of.contentHash,
    runSeq: 1,
    generations,
    end,
    ...(end.kind === 'stored' && { imageKey: `images/train/${of.imageName}.${end.image.type}` }),
    settledAt: '2026-01-02T03:04:05Z',
  };
}

function card(of: PromptRow, end?: RowEnd, page = 1): string {
  return contactSheetCard(of, outcome(of, end), page);
}

function page(changes: Partial<ContactSheetPage> = {}): ContactSheetPage {
  const tally = { ...EMPTY_TALLY, total: 3, stored: 3 };
  return { batchId: 'fruit', page: 1, pages: 1, tally, sealedAt: '2026-01-02T03:04:05.678Z', ...changes };
}

/** All values of an attribute, as a browser reads them. */
function values(html: string, attribute: string): readonly string[] {
  return [...html.matchAll(new RegExp(` ${attribute}="([^"]*)"`, 'g'))].map(([, text = '']) =>
    htmlUnescape(text),
  );
}

/** The object keys to which the links of a page lead, as S3 and file systems decode them. */
function linkedKeys(html: string, pageNumber: number): readonly string[] {
  const base = `${ORIGIN}${contactSheetKey(location, pageNumber)}`;
  return values(html, 'href')
    .filter((href) => !/^(?:#|data:)/.test(href))
    .map((href) => decodeURIComponent(new URL(href, base).pathname.slice(1)));
}

function pageKey(number: number): string {
  return contactSheetKey(location, number);
}

function pagesLinkedFrom(number: number, pages: number): readonly string[] {
  return linkedKeys(contactSheetEnd(page({ page: number, pages })), number);
}

function filesLinkedFrom(number: number, counts: Partial<Tally>): readonly string[] {
  const tally = { ...EMPTY_TALLY, total: 9, stored: 7, ...counts };
  return linkedKeys(contactSheetStart(page({ tally, page: number })), number);
}

/** Tags with the names of their attributes, and nothing of what they say. */
function structure(html: string): readonly string[] {
  return [...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replaceAll(/="[^"]*"/g, '='));
}

function visibleText(html: string): string {
  return htmlUnescape(html.replaceAll(/<style>.*?<\/style>/gs, '').replaceAll(/<[^>]*>/g, ' ')).replaceAll(
    /\s+/g,
    ' ',
  );
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.string({
    unit: fc.constantFrom(
      '<',
      '>',
      '"',
      "'",
      '&',
      '`',
      '=',
      '/',
      '&lt;',
      '-->',
      '</summary>',
      '<script>',
      ' onload=',
      'a',
      '\n',
    ),
    minLength: 1,
  }),
);

describe('a card of the contact sheet', () => {
  it('shows a prompt that looks like HTML as the text it is', () => {
    const prompt = `<script>alert("x")</script> & 'so on'`;
    const html = card(row({ prompt }));
    expect(html).not.toContain('<script');
    expect(visibleText(html)).toContain(prompt);
    expect(values(html, 'alt')).toEqual([prompt]);
    expect(values(html, 'title')).toContain(prompt);
  });

  it('has the same tags and attributes whatever prompt, id, labels and messages say', () => {
    const harmless = row({ labels: { a: 'b', c: { d: 'e' } } });
    fc.assert(
      fc.property(hostile, hostile, hostile, fc.boolean(), (text, name, value, isStored) => {
        fc.pre(name !== 'c');
        const of = row({
          prompt: text,
          rowId: text as RowId,
          imageName: text,
          labels: { [name]: value, c: { d: value } },
        });
        const end: RowEnd = isStored ? stored : { kind: 'failed', failure: 'flaky', message: text };
        const html = card(of, end);
        expect(structure(html)).toEqual(structure(card(harmless, end)));
        expect(htmlUnescape(html)).toContain(`title="${text}">${text}</span>`);
      }),
    );
  });

  it('links to the image from every page, and names survive that hold percent signs, tildes, spaces and "#"', () => {
    const ids = ['%41~x', 'a b/c', '日本語', '🍌~2'];
    for (const imageName of [...ids.map(imageNameOf), '%41~x', 'Größe #1 100%?', "it's"]) {
      for (const pageNumber of [1, 2]) {
        const html = card(row({ imageName }), stored, pageNumber);
        const key = `pre/fruit/images/train/${imageName}.png`;
        expect(linkedKeys(html, pageNumber)).toEqual([key]);
        expect(values(html, 'src')).toEqual(values(html, 'href').slice(0, 1));
      }
    }
    expect(values(card(row({ imageName: '%41~x' })), 'src')).toEqual(['images/train/%2541~x.png']);
    expect(values(card(row({ imageName: '%41~x' }), stored, 2), 'src')).toEqual([
      '../images/train/%2541~x.png',
    ]);
  });

  it('keeps the place of an image before it is loaded, and loads it only when it is near', () => {
    const html = card(row());
    expect(html).toContain('width="1344" height="768" loading="lazy" decoding="async"');
    expect(values(html, 'style')).toEqual(['--ratio:1.7500']);
    expect(visibleText(html)).toContain('pro · 16:9 · 1K · 1344 × 768');
  });

  it('can be linked to by the position of its row', () => {
    const html = card(row({ position: 1234 }));
    expect(values(html, 'id')).toEqual(['row-1234']);
    expect(values(html, 'href')).toContain('#row-1234');
  });

  it('says why a failed row has no image, and what it used', () => {
    const of = row();
    const generations: GenerationRecord[] = [
      { generation: 1, jobId: 'job-1' as JobId, end: 'failed', charged: 'yes' },
      { generation: 2, jobId: 'job-2' as JobId, end: 'failed', charged: 'unknown' },
    ];
    const end: RowEnd = { kind: 'failed', failure: 'flaky', message: 'upstream returned no image' };
    const html = contactSheetCard(of, outcome(of, end, generations), 1);
    expect(html).not.toContain('<img');
    const text = visibleText(html);
    expect(text).toContain('Failed: flaky upstream returned no image');
    expect(text).toContain('2 generations used, 1 charged, 1 with unknown charge');
    expect(text).toContain('a banana');
    expect(text).toContain('job-1 job-2');
  });

  it('says of a cancelled row that nothing was used for it', () => {
    const html = card(row(), { kind: 'cancelled' });
    expect(html).not.toContain('<img');
    expect(visibleText(html)).toContain(
      'Cancelled The batch was cancelled before this row was done. No generation used',
    );
  });

  it('shows six labels at a glance and all of them in its details, nested ones as JSON, empty ones not at all', () => {
    const labels = {
      nested: { a: [1] },
      none: null,
      blank: '',
      b: 'B',
      c: 'C',
      d: 'D',
      e: true,
      f: 0,
      g: 'G',
      h: 'H',
    };
    const html = card(row({ labels }));
    const chips = [...html.matchAll(/<li.*?<\/li>/g)].map(([chip]) => visibleText(chip).trim());
    expect(chips).toEqual(['nested {"a":[1]}', 'b B', 'c C', 'd D', 'e true', 'f 0', '+2']);
    const names = [...html.matchAll(/<dt>(.*?)<\/dt>/g)].map(([, name]) => name);
    expect(names.slice(-8)).toEqual(['nested', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
  });

  it('never shows the URLs of input images, which may be presigned', () => {
    const html = card(row({ inputImages: ['https://host/in.png?X-Amz-Signature=s3cr3t'] }));
    expect(html).not.toContain('s3cr3t');
    expect(visibleText(html)).toContain('input images 1');
  });
});

describe('a page of the contact sheet', () => {
  it('holds no script and no address outside the batch', () => {
    const html = `${contactSheetStart(page({ page: 2, pages: 3 }))}${card(row(), stored, 2)}${contactSheetEnd(page())}`;
    expect(html).not.toMatch(/<script|https?:|\/\/|javascript:|\son[a-z]+=/i);
    expect(html).toContain(
      `content="default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline';`,
    );
    expect(html).toContain('<meta charset="utf-8">');
    expect(html).toContain('<meta name="robots" content="noindex">');
  });

  it('leads to its neighbours and to the first and last page, where those are stored', () => {
    expect(pagesLinkedFrom(1, 1)).toEqual([]);
    expect(pagesLinkedFrom(1, 3)).toEqual([pageKey(2), pageKey(3)]);
    expect(pagesLinkedFrom(2, 3)).toEqual([pageKey(1), pageKey(1), pageKey(3), pageKey(3)]);
    expect(pagesLinkedFrom(3, 3)).toEqual([pageKey(1), pageKey(2)]);
    expect(pagesLinkedFrom(9_999, 12_345)).toEqual([
      pageKey(1),
      pageKey(9_998),
      pageKey(10_000),
      pageKey(12_345),
    ]);
  });

  it('counts what the batch made, and leaves out what did not happen', () => {
    const tally = {
      ...EMPTY_TALLY,
      total: 1240,
      stored: 1180,
      failed: 41,
      rejected: 12,
      cancelled: 7,
      failuresByKind: { refused: 30, flaky: 11 },
    };
    const text = visibleText(contactSheetStart(page({ tally })));
    expect(text).toContain('stored 1,180 failed 41 30 refused, 11 flaky rejected 12 cancelled 7 total 1,240');
    expect(text).toContain('fruit Sealed 2026-01-02 03:04 UTC');
    const quiet = visibleText(contactSheetStart(page()));
    expect(quiet).toContain('stored 3 total 3');
    expect(quiet).not.toMatch(/failed|rejected|cancelled/);
  });

  it('links to the files of the batch that have something to say', () => {
    const always = [reportKey(location), metadataKey(location)];
    const [failures, rejects] = [failuresKey(location), rejectsKey(location)];
    for (const number of [1, 2]) {
      expect(filesLinkedFrom(number, {})).toEqual(always);
      expect(filesLinkedFrom(number, { failed: 2 })).toEqual([...always, failures]);
      expect(filesLinkedFrom(number, { cancelled: 2 })).toEqual([...always, failures]);
      expect(filesLinkedFrom(number, { rejected: 2 })).toEqual([...always, rejects]);
    }
  });

  it('says so where no row was accepted', () => {
    const tally = { ...EMPTY_TALLY, total: 2, rejected: 2 };
    expect(visibleText(contactSheetStart(page({ tally })))).toContain('No rows were accepted.');
    expect(visibleText(contactSheetStart(page()))).not.toContain('No rows');
  });

  it('closes every element that it opens', () => {
    const facts = page({ page: 2, pages: 3 });
    const html = `${contactSheetStart(facts)}${card(row({ labels: { a: 'b' } }))}${card(row(), { kind: 'cancelled' })}${contactSheetEnd(facts)}`;
    const open: string[] = [];
    const crossed: string[] = [];
    for (const [tag, slash, name = ''] of html.matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)) {
      if (['meta', 'link', 'img'].includes(name)) continue;
      if (slash !== '/') open.push(name);
      else if (open.pop() !== name) crossed.push(tag);
    }
    expect(crossed).toEqual([]);
    expect(open).toEqual([]);
  });
});
