import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { currentCommandReference } from '../../../scripts/command-reference.js';

test('docs/commands.md is current (npm run docs writes it)', async () => {
  expect(await readFile('docs/commands.md', 'utf8')).toBe(currentCommandReference());
});
