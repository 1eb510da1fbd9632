import { expect, test } from 'vitest';
import { hasSheet, sheetKeyOf } from '../../../src/plan/run-request.js';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { SheetSettings } from '../../../src/sheet/index.js';

const location = { bucket: 'b', root: 'team/menu/', batchId: 'menu' as BatchId };
const sheet = { path: '/sheets/menu.tsv', name: 'menu.tsv', sha256: 'a'.repeat(64), sizeBytes: 12 };
const settings = SheetSettings.parse({ map: { prompt: 'Dish' } });
const request = {
  sheetKey: sheetKeyOf(location, sheet),
  sheetName: 'menu.tsv',
  sheet: SheetSettings.parse(JSON.parse(JSON.stringify(settings))),
  submittedAt: '2026-01-01T00:00:00.000Z',
};

test('a run has the same request only for the same bytes, format and settings', () => {
  expect(hasSheet(request, location, sheet, settings)).toBe(true);
  expect(hasSheet(request, location, { ...sheet, name: 'dinner.tsv' }, settings)).toBe(true);
  expect(hasSheet(request, location, { ...sheet, sha256: 'b'.repeat(64) }, settings)).toBe(false);
  expect(hasSheet(request, location, { ...sheet, name: 'menu.csv' }, settings)).toBe(false);
  expect(hasSheet(request, location, sheet, SheetSettings.parse({}))).toBe(false);
});

test('a sheet is stored with its extension, and as CSV without a usable one', () => {
  const keys = ['-', 'menu', 'menu.JSONL', 'menu.c v', 'menu.TSV.gz', 's3://b/menu.gz'].map((name) =>
    sheetKeyOf(location, { ...sheet, name }),
  );
  const extensions = keys.map((key) => key.split('.').slice(1).join('.'));
  expect(extensions).toEqual(['csv', 'csv', 'jsonl', 'csv', 'tsv.gz', 'gz']);
});
