import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failuresKey, rejectsKey } from '../../../src/storage/layout.js';
import { readEvidence } from '../../support/batches/batch-evidence.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

/** Its generated id was 418567788576, and is row-418567788576 now. */
const LEMUR = '画一只狐猫木';
/** Its generated id is 4869319003e2. */
const RAIN = '画一只狐金雨';

describe('ids that look like numbers', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 50, max: 100 } } });
    await engine.startWorker();
  });
  afterAll(() => engine?.stop());

  const { command, write, ended, location, textAt } = submissionBench(() => engine);
  const jobsMade = (): number => engine.sandbox.stats().jobsMade;
  const made = async (id: string, sheet: string): Promise<void> => {
    await write(`${id}.csv`, sheet);
    expect(await command(['submit', `${id}.csv`, '--yes'])).toMatchObject({ code: 0 });
    await ended(id);
  };
  const submitted = async (args: readonly string[]): Promise<Record<string, unknown>> => {
    const { code, stdout, stderr } = await command(['submit', ...args, '--yes', '--json']);
    expect(stderr).not.toContain('Nothing was started');
    expect(code).toBe(0);
    return JSON.parse(stdout);
  };
  const isRefused = async (args: readonly string[], ...texts: readonly string[]): Promise<void> => {
    const jobs = jobsMade();
    for (const dryRun of [['--dry-run'], []]) {
      const refused = await command(['submit', ...args, '--yes', ...dryRun]);
      for (const text of [...texts, 'Nothing was started']) expect(refused.stderr).toContain(text);
      expect(refused.code).toBe(2);
    }
    expect(jobsMade()).toBe(jobs);
  };
  const rowIds = async (id: string): Promise<readonly string[]> => [
    ...(await readEvidence(engine.stack.s3.store, location(id))).rows.keys(),
  ];

  it('leave a row stored under its former generated id alone: nothing is bought or removed', async () => {
    // As earlier versions stored it: the row's content is the same.
    await made('mixed', `id,prompt\n418567788576,${LEMUR}\nx,a fox\n`);
    const jobs = jobsMade();
    await write('mixed.csv', `id,prompt,note\n,${LEMUR},new\nx,a fox,\n`);
    expect(await submitted(['mixed.csv'])).toMatchObject({ new: 0, changed: 0, unchanged: 2, removed: 0 });
    await ended('mixed');
    await write('more.csv', `prompt,file_name\n${LEMUR},lemur\n画一只狐狸,fox\n`);
    expect(await submitted(['more.csv', '--id', 'mixed', '--merge'])).toMatchObject({ new: 1, unchanged: 1 });
    await ended('mixed');
    // With its present name, which is not another row's.
    expect(await submitted(['more.csv', '--id', 'mixed', '--merge'])).toMatchObject({ new: 0, rejected: 0 });
    expect(jobsMade()).toBe(jobs + 1);
    expect(await rowIds('mixed')).toEqual(expect.arrayContaining(['418567788576', 'x', 'aa3b4d246900']));
    expect(await rowIds('mixed')).toHaveLength(3);
    // Of the image that has its name now.
    expect(await command(['prune', 'mixed', '--yes'])).toMatchObject({ code: 0 });
    expect(await command(['verify', 'mixed', '--deep'])).toMatchObject({ code: 0 });
  });

  it('leave a row failed under its former generated id as it ended, and its repeat is new', async () => {
    engine.sandbox.configure({ next: { 'job-refused': 1 } });
    await made('failed', `id,prompt\n418567788576,${LEMUR}\n`);
    await write('failed.csv', `prompt\n${LEMUR}\n${LEMUR}\n`);
    expect(await submitted(['failed.csv'])).toMatchObject({ new: 1, unchanged: 1, removed: 0 });
    await ended('failed');
    const { outcomes } = await readEvidence(engine.stack.s3.store, location('failed'));
    expect(outcomes).toMatchObject([
      { rowId: '418567788576', end: { kind: 'failed', failure: 'refused' } },
      { rowId: 'row-418567788576~d2', end: { kind: 'stored' } },
    ]);
    expect(outcomes.map(({ generations }) => generations.length)).toEqual([1, 1]);
  });

  it('in a failures.csv saved by a spreadsheet are refused by name, and new ones without --new-ids', async () => {
    const refusedBy = ' [[refuse]]';
    await made(
      'sheet',
      `id,prompt\n418567788576,${LEMUR}${refusedBy}\n4869319003e2,${RAIN}${refusedBy}\n007,a fox${refusedBy}\n3-4,an owl${refusedBy}\nplain,a bee${refusedBy}\n`,
    );
    const failures = await textAt('sheet', failuresKey(location('sheet')));
    const saved = async (...changes: readonly (readonly [string, string])[]): Promise<void> => {
      const text = changes.reduce((sheet, [from, to]) => sheet.replace(`\n${from},`, `\n"${to}",`), failures);
      expect(text).not.toBe(failures);
      await write('failures.csv', text.replaceAll(refusedBy, ''));
    };
    const args = ['failures.csv', '--id', 'sheet'];
    for (const [from, to] of [
      ['418567788576', '4.18568E+11'],
      ['418567788576', '4,18568E+11'],
      ['4869319003e2', '4.86932E+11'],
      ['4869319003e2', '486931900300'],
      ['007', '7'],
      ['007', '7.0'],
    ] as const) {
      await saved([from, to]);
      const line = failures.split('\n').findIndex((text) => text.startsWith(`${from},`)) + 1;
      for (const more of [[], ['--new-ids']]) {
        await isRefused([...args, ...more], `"${to}" (line ${line})`, 'a spreadsheet', 'batch "sheet"');
      }
    }
    await saved(['3-4', '2026-04-03']);
    await isRefused(args, '"2026-04-03"', 'a spreadsheet', '--new-ids');
    await saved(['plain', 'plan']);
    await isRefused(args, '"plan"', '--new-ids');
    expect(await submitted([...args, '--new-ids'])).toMatchObject({ new: 1, changed: 4, kept: 1 });
    await ended('sheet');
    expect((await rowIds('sheet')).toSorted()).toEqual([
      '007',
      '3-4',
      '418567788576',
      '4869319003e2',
      'plain',
      'plan',
    ]);
  });

  it('refuse a failures.csv whose batch does not exist, also one saved by a spreadsheet', async () => {
    const saved = `\uFEFFid,prompt,model,failure_kind\r\n4.18568E+11,${LEMUR},pro,flaky\r\naa3b4d246900,画一只狐狸,pro,flaky\r\n`;
    await write('elsewhere.csv', saved);
    for (const more of [[], ['--new-ids'], ['--new']]) {
      await isRefused(['elsewhere.csv', ...more], '"4.18568E+11" (line 2)', 'which does not exist');
    }
    await write('lost.csv', 'id,prompt,failure_kind\na,a fox,flaky\n');
    await isRefused(['lost.csv'], '"a" (line 2)', 'with --id', '--new-ids');
    expect(await submitted(['lost.csv', '--new-ids'])).toMatchObject({ batchId: 'lost', new: 1 });
    await ended('lost');
  });

  it('in a rejects.csv count as corrected if the id was the problem, and as new otherwise', async () => {
    await made('stock', 'id,prompt,model\na,a fox,\na,an owl,\n4.00638E+12,a mug,\nb,a bee,dall-e\n');
    const rejects = await textAt('stock', rejectsKey(location('stock')));
    const corrected = rejects.replace('dall-e', 'nb');
    const args = ['rejects.csv', '--id', 'stock'];
    await write('rejects.csv', corrected.replace('\na,', '\na2,').replace('\nb,', '\nc,'));
    await isRefused(args, '"4.00638E+12" (line 3)', 'a spreadsheet');
    const fixed = corrected.replace('\na,', '\na2,').replace('\n4.00638E+12,', '\n4006381333931,');
    await write('rejects.csv', fixed.replace('\nb,', '\nc,'));
    await isRefused(args, '"c" (line 4)', '--new-ids');
    await write('rejects.csv', fixed);
    expect(await submitted(args)).toMatchObject({ new: 3, changed: 0, kept: 1, rejected: 0 });
    await ended('stock');
    expect(await rowIds('stock')).toEqual(['a', 'a2', '4006381333931', 'b']);
  });
});
