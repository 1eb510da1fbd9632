import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCommand, type RunningCommand, type Variables } from '../../support/commands/command-line.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import { eventually } from '../../support/eventually.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

/** The promise is a minute; commands that hung did so forever. */
const WITHIN_MS = 60_000;

/** How a command ended, once its process is gone. */
async function expectEnd(running: RunningCommand, sentence: string): Promise<void> {
  const code = await Promise.race([running.ended, delay(WITHIN_MS, 'still running', { ref: false })]);
  const { stderr } = running.output();
  expect({ code, last: stderr.trim().split('\n').at(-1) }).toEqual({
    code: 2,
    last: expect.stringContaining(sentence),
  });
  expect(stderr).not.toMatch(/unforeseen|\n {4}at /);
}

describe('a command whose namespace is deleted exits with 2 and one sentence', { timeout: 300_000 }, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 60_000, max: 60_000 } } });
    await writeFile(path.join(engine.folder.path, 'foxes.csv'), 'prompt\nfox 1\nfox 2\nfox 3\n');
  });
  afterAll(() => engine?.stop());

  const workflows = () => engine.stack.temporal.client.workflowService;
  const makeNamespace = async (namespace: string): Promise<Variables> => {
    await workflows().registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 } as never,
    });
    await eventually(async () => (await workflows().describeNamespace({ namespace })).namespaceInfo != null, {
      what: `${namespace} is there`,
      withinMs: 30_000,
    });
    // Temporal's front ends cache for some seconds that a name was unknown.
    await delay(2_000);
    return { TEMPORAL_NAMESPACE: namespace };
  };
  const deleteNamespace = async (namespace: string): Promise<void> => {
    await engine.stack.temporal.client.connection.operatorService.deleteNamespace({ namespace });
  };

  it('worker, with rows in flight', async () => {
    const variables = await makeNamespace('at-work');
    const worker = await engine.startWorker({ variables });
    const submitted = await runInProcess(['submit', 'foxes.csv', '--id', 'held'], {
      cwd: engine.folder.path,
      variables: { ...engine.variables, ...variables },
    });
    expect(submitted.code).toBe(0);
    await eventually(() => engine.sandbox.stats().jobsMade >= 3, { what: 'jobs run', withinMs: 60_000 });
    await deleteNamespace('at-work');
    await expectEnd(worker, 'has no namespace "at-work"');
  });

  it('worker, idle and with one role', async () => {
    const variables = await makeNamespace('idle');
    const worker = await engine.startWorker({ variables, roles: ['store'] });
    await deleteNamespace('idle');
    await expectEnd(worker, 'has no namespace "idle"');
  });

  it('dev, with Temporal configured', async () => {
    const variables = await makeNamespace('dev');
    const dev = await startCommand(['dev'], {
      cwd: engine.folder.path,
      variables: { ...engine.variables, ...variables },
      ready: 'Ready.',
    });
    await deleteNamespace('dev');
    await expectEnd(dev, 'has no namespace "dev"');
  });

  it('run, watching its batch', async () => {
    const variables = await makeNamespace('run');
    const jobsBefore = engine.sandbox.stats().jobsMade;
    const run = await startCommand(['run', 'foxes.csv', '--id', 'watched'], {
      cwd: engine.folder.path,
      variables: { ...engine.variables, ...variables },
      ready: 'Worker ',
    });
    await eventually(() => engine.sandbox.stats().jobsMade >= jobsBefore + 3, {
      what: 'jobs run',
      withinMs: 60_000,
    });
    await deleteNamespace('run');
    await expectEnd(run, 'has no namespace "run"');
  });
});
