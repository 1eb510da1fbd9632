import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../support/commands/command-line.js';
import {
  programWithCoreFault,
  type CoreFault,
  type ForeignProgram,
} from '../../support/stack/foreign-machine.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';

/** Nothing listens there: the commands must not get that far. */
const VARIABLES = {
  TEMPORAL_ADDRESS: '127.0.0.1:9',
  BANANA_BUCKET: 'images',
  AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9',
};
const SENTENCE = /^The worker cannot be loaded on this machine \(.+\): .+\. It needs .+npm ci/;

describe.each<CoreFault>(['no-core', 'other-architecture', 'library-missing'])(
  'on a machine that cannot load the native core (%s)',
  { timeout: 120_000 },
  (fault) => {
    let program: ForeignProgram;
    let folder: TemporaryFolder;
    beforeAll(async () => {
      program = await programWithCoreFault(fault);
      folder = await temporaryFolder();
      await writeFile(path.join(folder.path, 'foxes.csv'), 'prompt\na fox\n');
    });
    afterAll(async () => {
      await program?.remove();
      await folder?.remove();
    });
    const perform = (args: readonly string[], variables = {}) =>
      runCommand(args, { cwd: folder.path, program: program.cli, variables, withinMs: 60_000 });

    it('worker, run and dev report it in one sentence, and start nothing', async () => {
      const commands = [
        { args: ['worker'], variables: { ...VARIABLES, BANANAHUB_API_KEY: 'key' } },
        { args: ['run', 'foxes.csv'] },
        { args: ['dev'] },
      ];
      await pMap(commands, async ({ args, variables }) => {
        const { code, stderr } = await perform(args, variables);
        const [line, ...more] = stderr
          .trim()
          .split('\n')
          .slice(args[0] === 'run' ? -1 : 0);
        expect({ args, code, line, more }).toEqual({
          args,
          code: 2,
          line: expect.stringMatching(SENTENCE),
          more: [],
        });
      });
      expect(await readdir(folder.path)).toEqual(['foxes.csv']);
    });

    it('doctor reports it, and other commands work', async () => {
      const { code, stdout } = await perform(['doctor', '--json'], VARIABLES);
      const { checks } = JSON.parse(stdout);
      expect(code).toBe(2);
      expect(checks).toContainEqual({
        name: 'worker code',
        state: 'problem',
        message: expect.stringMatching(SENTENCE),
      });
      expect(await perform(['run', 'foxes.csv', '--dry-run'])).toMatchObject({ code: 0 });
    });
  },
);
