import { readFile } from 'node:fs/promises';
import { describe, expect, it, test } from 'vitest';
import { batchSeconds } from '../../../../bench/capacity/model.js';
import { accountTable, needsTable } from '../../../../bench/capacity/tables.js';

test.for([
  { name: 'of accounts', lines: accountTable() },
  { name: 'of needs', lines: needsTable() },
])('the table $name in docs/capacity.md is current (npm run capacity prints it)', async ({ lines }) => {
  expect(await readFile('docs/capacity.md', 'utf8')).toContain(lines.join('\n'));
});

describe('the time of a batch', () => {
  const account = { unfinishedJobs: 10, fromSeconds: 8, toSeconds: 12 };

  it('is what the account allows, and what is lost between two jobs', () => {
    const images = 100_000;
    const least = (images * 10) / 10;
    const lost = images * 0.05;
    expect(batchSeconds(images, account, 0) / least).toBeCloseTo(1, 3);
    expect(batchSeconds(images, account, 0.5) / (least + lost)).toBeCloseTo(1, 3);
  });

  it('of one image is its job', () => {
    expect(batchSeconds(1, account, 0)).toBe(8);
  });
});
