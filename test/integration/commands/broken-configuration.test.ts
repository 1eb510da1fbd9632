import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runInProcess } from '../../support/commands/command-in-process.js';
import type { CommandResult, Variables } from '../../support/commands/command-line.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

type Part = 'temporal' | 'bucket' | 'api' | 'prices' | 'webhooks' | 'notices';

const LONG = 'a-long-enough-secret-of-32-letters';

/** An invalid variable, its part, and the text that names it in a message. */
const BROKEN: readonly {
  readonly part: Part;
  readonly variables: Variables;
  readonly named: RegExp;
}[] = [
  { part: 'temporal', variables: { TEMPORAL_PROFILE: 'nowhere' }, named: /Temporal's configuration/ },
  { part: 'bucket', variables: { BANANA_BUCKET: 's3://bananas' }, named: /BANANA_BUCKET/ },
  { part: 'bucket', variables: { BANANA_PREFIX: 'a/../b' }, named: /BANANA_PREFIX/ },
  { part: 'bucket', variables: { AWS_ENDPOINT_URL_S3: 'localhost:9000' }, named: /AWS_ENDPOINT_URL_S3/ },
  { part: 'api', variables: { BANANAHUB_API_KEY: 'two words' }, named: /BANANAHUB_API_KEY/ },
  { part: 'api', variables: { BANANAHUB_BASE_URL: 'bananahub.io' }, named: /BANANAHUB_BASE_URL/ },
  { part: 'api', variables: { BANANA_ALLOW_PRIVATE_ADDRESSES: 'yes' }, named: /ALLOW_PRIVATE_ADDRESSES/ },
  { part: 'prices', variables: { BANANA_PRICES: '{"pro":0.04}' }, named: /BANANA_PRICES/ },
  { part: 'webhooks', variables: { BANANA_WEBHOOK_URL: 'https://x.test' }, named: /BANANA_WEBHOOK_SECRET/ },
  { part: 'webhooks', variables: { BANANA_WEBHOOK_SECRET: LONG }, named: /BANANA_WEBHOOK_URL/ },
  { part: 'notices', variables: { BANANA_NOTIFY_URL: 'https://x.test' }, named: /BANANA_NOTIFY_SECRET/ },
  { part: 'notices', variables: { BANANA_NOTIFY_SECRET: LONG }, named: /BANANA_NOTIFY_URL/ },
];

const ALL: readonly Part[] = ['temporal', 'bucket', 'api', 'prices', 'webhooks', 'notices'];

/** Commands with the parts they need and those they can do without. `none` is a batch that does not exist. */
const COMMANDS: readonly {
  readonly args: string;
  readonly needs: readonly Part[];
  readonly uses?: readonly Part[];
}[] = [
  { args: 'status none', needs: ['bucket'], uses: ['temporal'] },
  { args: 'list', needs: ['bucket'], uses: ['temporal'] },
  { args: 'failures none', needs: ['bucket'], uses: ['temporal'] },
  { args: 'row none 1', needs: ['bucket'], uses: ['temporal'] },
  { args: 'results none', needs: ['bucket'], uses: ['temporal'] },
  { args: 'verify none', needs: ['bucket'] },
  { args: 'prune none', needs: ['bucket'], uses: ['temporal'] },
  { args: 'pause none', needs: ['temporal', 'bucket'] },
  { args: 'resume none', needs: ['temporal', 'bucket'] },
  { args: 'cancel none', needs: ['temporal', 'bucket'] },
  { args: 'set none --concurrency 3', needs: ['temporal', 'bucket'] },
  { args: 'schedule list', needs: ['temporal', 'bucket'] },
  { args: 'submit foxes.csv', needs: ['temporal', 'bucket', 'api'], uses: ['prices'] },
  { args: 'run foxes.csv --dry-run', needs: ['bucket', 'api', 'prices'] },
  { args: 'balance', needs: ['api'] },
  { args: 'rate', needs: ['temporal'] },
];

describe('an invalid variable', { timeout: 300_000 }, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: {} });
    await writeFile(path.join(engine.folder.path, 'foxes.csv'), 'prompt\na fox\n');
    await command('submit foxes.csv');
  });
  afterAll(() => engine?.stop());

  const command = (args: string, variables: Variables = {}): Promise<CommandResult> =>
    runInProcess(args.split(' '), {
      cwd: engine.folder.path,
      variables: { ...engine.variables, ...variables },
    });

  it.each(COMMANDS)('stops "$args" only if the command needs it', async ({ args, needs, uses = [] }) => {
    const sound = await command(args);
    const outcomes = await pMap(
      BROKEN.filter(({ part }) => !uses.includes(part)),
      async ({ part, variables, named }) => {
        const { code, stderr } = await command(args, variables);
        const isFine = code === sound.code && !named.test(stderr);
        const isRefused = code === 2 && named.test(stderr) && !/unforeseen|\n {4}at /.test(stderr);
        return { variables, stderr, asExpected: needs.includes(part) ? isRefused : isFine };
      },
      { concurrency: 4 },
    );
    expect(outcomes.filter(({ asExpected }) => !asExpected)).toEqual([]);
  });

  it.each([
    { args: 'run foxes.csv --yes', parts: ALL },
    { args: 'dev', parts: ALL },
    { args: 'worker', parts: ALL },
    { args: 'webhooks', parts: ['temporal', 'api', 'webhooks'] },
    { args: 'submit foxes.csv --id new', parts: ['temporal', 'bucket', 'api', 'prices'] },
    { args: 'retry none', parts: ['temporal', 'bucket'] },
  ])('stops "$args" before anything is started', async ({ args, parts }) => {
    const jobs = engine.sandbox.stats().jobsMade;
    for (const { part, variables, named } of BROKEN.filter((broken) => parts.includes(broken.part))) {
      const { code, stderr } = await command(args, variables);
      expect({ part, code, stderr }).toEqual({ part, code: 2, stderr: expect.stringMatching(named) });
      expect(stderr).not.toContain('Starting');
    }
    expect(engine.sandbox.stats().jobsMade).toBe(jobs);
  });

  it('does not make "run" start a local substitute', async () => {
    const { AWS_ENDPOINT_URL_S3: _, BANANAHUB_API_KEY: __, ...others } = engine.variables;
    const { code, stderr } = await runInProcess(['run', 'foxes.csv'], {
      cwd: engine.folder.path,
      variables: { ...others, BANANAHUB_API_KEY: 'two words', BANANA_BUCKET: 's3://b' },
    });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/BANANA_BUCKET.*BANANAHUB_API_KEY/),
    });
  });

  it('is reported by doctor with all others, and not as a missing part', async () => {
    for (const { variables, named, part } of BROKEN) {
      const { code, stdout } = await command('doctor --json', variables);
      const { ok, checks } = JSON.parse(stdout);
      expect({ code, ok, part }).toEqual({ code: 2, ok: false, part });
      expect(checks).toContainEqual({
        name: 'configuration',
        state: 'problem',
        message: expect.stringMatching(named),
      });
      expect(stdout).not.toContain('is configured.');
    }
    const { stdout } = await command(
      'doctor',
      Object.assign({}, ...BROKEN.map(({ variables }) => variables)),
    );
    const shown = BROKEN.filter(({ part }) => part !== 'webhooks' && part !== 'notices');
    for (const { named } of shown) expect(stdout).toMatch(named);
  });
});
