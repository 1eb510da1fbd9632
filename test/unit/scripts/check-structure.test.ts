import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.js';

const SCRIPT = path.resolve(import.meta.dirname, '../../../scripts/check-structure.mjs');

/** Checks these sources, or the project's own, as `npm run structure` does. */
async function check(sources?: Readonly<Record<string, string>>): Promise<readonly string[]> {
  if (!sources) return run();
  const folder = await temporaryFolder();
  try {
    for (const [name, text] of Object.entries(sources)) {
      const file = path.join(folder.path, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    return run(folder.path);
  } finally {
    await folder.remove();
  }
}

function run(...args: readonly string[]): readonly string[] {
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' });
  const lines = stderr.split('\n').filter((line) => line !== '');
  expect(status).toBe(lines.length > 0 ? 1 : 0);
  return lines;
}

describe('npm run structure', () => {
  it('accepts the project’s own sources', async () => {
    expect(await check()).toEqual([]);
  });

  it('lets a room import what is below it', async () => {
    expect(
      await check({
        'errors.ts': '',
        'ledger/parts.ts': "import { row } from '../domain/rows/row.js';",
        'domain/rows/row.ts': "import type { text } from '../text/text.js';",
        'domain/text/text.ts': '',
      }),
    ).toEqual([]);
  });

  it('refuses an import that is not allowed, also of a type and between rooms within a room', async () => {
    expect(
      await check({
        'domain/rows/row.ts': "import type { part } from '../../ledger/parts.js';",
        'domain/text/text.ts': "export type Row = import('../rows/row.js').Row;",
        'ledger/parts.ts': '',
      }),
    ).toEqual([
      'src/domain/rows/row.ts imports src/ledger/parts.ts, which is not allowed: scripts/structure.mjs says what domain/rows may import.',
      'src/domain/text/text.ts imports src/domain/rows/row.ts, which is not allowed: scripts/structure.mjs says what domain/text may import.',
    ]);
  });

  it('refuses a circle of imports, also of types', async () => {
    expect(
      await check({
        'ledger/one.ts': "import { two } from './two.js';",
        'ledger/two.ts': "import {\n  three,\n} from './three.js';",
        'ledger/three.ts': "import type { one } from './one.js';",
      }),
    ).toEqual(['Imports go in a circle: ledger/one.ts → ledger/two.ts → ledger/three.ts → ledger/one.ts.']);
  });

  it('refuses a sixteenth entry of a folder, a ninth file in src/ and a file in no room', async () => {
    const parts = Array.from({ length: 15 }, (_, index) => [`ledger/part-${index}.ts`, '']);
    const files = Array.from({ length: 9 }, (_, index) => [`file-${index}.ts`, '']);
    expect(await check({ ...Object.fromEntries(parts), 'ledger/files/text.ts': '' })).toEqual([
      'src/ledger/ has 16 entries, but at most 15 are allowed.',
    ]);
    const found = await check(Object.fromEntries(files));
    expect(found).toContain('src/ has 9 files, but at most 8 are allowed.');
    expect(found).toContain('src/file-0.ts is in none of the rooms that scripts/structure.mjs lists.');
  });

  it('refuses a file of more than 300 lines', async () => {
    expect(
      await check({ 'ledger/parts.ts': 'x;\n'.repeat(300), 'ledger/long.ts': 'x;\n'.repeat(301) }),
    ).toEqual(['src/ledger/long.ts has 301 lines, but at most 300 are allowed.']);
  });
});
