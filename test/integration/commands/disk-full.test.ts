import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../../support/commands/command-line.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const CLI = path.resolve(import.meta.dirname, '../../../dist/cli.js');
const call = promisify(execFile);
const { PATH = '', HOME = '' } = process.env;

/** Runs a shell line in which `$BANANA` is the built command; returns its exit code and stderr. */
async function shell(
  line: string,
  cwd: string,
): Promise<{ readonly code: unknown; readonly stderr: string }> {
  const env = { PATH, HOME, BANANA: `${process.execPath} ${CLI}` };
  try {
    return { code: 0, stderr: (await call('/bin/sh', ['-c', line], { cwd, env })).stderr };
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error && 'stderr' in error)) throw error;
    return { code: error.code, stderr: String(error.stderr) };
  }
}

/** Mounts a small disk of a given size in `folder`; false if this user may not. */
async function mounted(folder: string, options: string): Promise<boolean> {
  return call('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).then(
    () => true,
    () => false,
  );
}

describe('a full disk', { timeout: 180_000 }, () => {
  it.each(['$BANANA --help > /dev/full', '$BANANA run foxes.csv --dry-run --json > /dev/full'])(
    'under standard output is one sentence: %s',
    async (line) => {
      const folder = await temporaryFolder();
      try {
        await writeFile(path.join(folder.path, 'foxes.csv'), 'prompt\nfox\n');
        const { code, stderr } = await shell(line, folder.path);
        expect({ code, stderr }).toMatchObject({ code: 2 });
        expect(stderr).toMatch(/^Cannot write standard output: the disk is full \(ENOSPC\)\. .+\.$/m);
        expect(stderr).not.toMatch(/unforeseen|\n {4}at /);
      } finally {
        await folder.remove();
      }
    },
  );

  it('of the local servers is one sentence, and the same command continues when there is room', async (test) => {
    const folder = await temporaryFolder();
    const isMounted = await mounted(folder.path, 'size=64k');
    if (!isMounted) {
      await folder.remove();
      test.skip('this user may not mount a file system');
    }
    try {
      await writeFile(path.join(folder.path, 'foxes.csv'), 'prompt\nfox\nred fox\n');
      await writeFile(path.join(folder.path, 'fill'), Buffer.alloc(32 * 1024));
      const run = ['run', 'foxes.csv', '--yes'];
      const full = await runCommand(run, { cwd: folder.path, withinMs: 90_000 });
      expect(full).toMatchObject({ code: 2, stderr: expect.stringMatching(/disk .*full.*Make room/) });
      expect(full.stderr).not.toMatch(/unforeseen|\n {4}at /);
      await mounted(folder.path, 'remount,size=200m');
      const again = await runCommand(run, { cwd: folder.path, withinMs: 120_000 });
      expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('2 of 2 images stored') });
    } finally {
      await call('umount', [folder.path]);
      await folder.remove();
    }
  });
});
