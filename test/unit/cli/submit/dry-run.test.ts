import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runInProcess } from '../../../support/commands/command-in-process.js';
import type { CommandResult } from '../../../support/commands/command-line.js';
import { temporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.js';

const REJECTED = 30;

describe('a dry run', () => {
  let folder: TemporaryFolder;
  beforeAll(async () => {
    folder = await temporaryFolder();
    const bad = Array.from({ length: REJECTED }, (_, row) => `bad-${row},a cat,dall-e,shelf ${row}\n`);
    const sheet = `id,prompt,model,shelf\ngood,a fox,,top\n${bad.join('')}`;
    await writeFile(path.join(folder.path, 'mixed.csv'), sheet);
  });
  afterAll(() => folder?.remove());

  const dryRun = (...args: readonly string[]): Promise<CommandResult> =>
    runInProcess(['run', ...args, '--dry-run'], { cwd: folder.path, variables: {} });

  it('prints its plan once, lists all rejected records with --json, and says so', async () => {
    const { code, stdout, stderr } = await dryRun('mixed.csv', '--json');
    expect(code).toBe(0);
    expect(stderr.match(/^Buys /gm)).toHaveLength(1);
    expect(stderr).toContain('list them all with --json, or with --rejects FILE');
    expect(stderr).not.toContain('rejects.csv');
    const { rejects } = JSON.parse(stdout);
    expect(rejects).toHaveLength(REJECTED);
    expect(rejects.at(-1)).toMatchObject({ line: REJECTED + 2, column: 'model', value: 'dall-e' });
  });

  it('writes rejected records to a file that can be fixed and submitted', async () => {
    const { code, stderr } = await dryRun('mixed.csv', '--rejects', path.join(folder.path, 'out.csv'));
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('out.csv') });
    const written = await readFile(path.join(folder.path, 'out.csv'), 'utf8');
    const lines = written.trimEnd().split('\n');
    expect(lines).toHaveLength(REJECTED + 1);
    expect(lines[0]).toBe(
      '\uFEFFid,prompt,model,shelf,reject_line,reject_column,reject_value,reject_rule,reject_row,reject_json',
    );
    await writeFile(path.join(folder.path, 'fixed.csv'), written.replaceAll('dall-e', 'nb'));
    const fixed = await dryRun('fixed.csv', '--id', 'mixed', '--json', '--new-ids');
    expect({ ...fixed, ...JSON.parse(fixed.stdout || '{}') }).toMatchObject({
      code: 0,
      rows: REJECTED,
      rejects: [],
    });
  });

  it('names line and table row of rejected records, as rejects.csv does', async () => {
    const file = path.join(folder.path, 'rows.csv');
    await writeFile(
      path.join(folder.path, 'breaks.csv'),
      'prompt,model\na fox,dall-e\n"two\nlines",\na cat,dall-e\n',
    );
    const { stdout } = await dryRun('breaks.csv', '--json', '--rejects', file);
    expect(JSON.parse(stdout).rejects).toMatchObject([
      { line: 2, row: 2 },
      { line: 5, row: 4 },
    ]);
    const [, first, second] = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(first).toMatch(/^a fox,dall-e,2,.*,2,$/);
    expect(second).toMatch(/^a cat,dall-e,5,.*,4,$/);
  });

  it('is required for --rejects', async () => {
    const { code, stderr } = await runInProcess(['run', 'mixed.csv', '--rejects', 'x.csv'], {
      cwd: folder.path,
      variables: {},
    });
    expect(code).toBe(2);
    expect(stderr).toContain('--rejects needs --dry-run');
  });
});
