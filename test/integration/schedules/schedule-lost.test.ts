import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScheduleName } from '../../../src/domain/batch/schedule-name.js';
import { deleteSchedule, describedSchedule, pauseSchedule } from '../../../src/schedules/schedule-client.js';
import { resumeOrMakeAgain } from '../../../src/schedules/lost-schedules.js';
import { scheduleId } from '../../../src/workflows/protocol/names.js';
import { eventually } from '../../support/eventually.js';
import { scheduleBench } from '../../support/batches/schedule-bench.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

describe('a schedule that Temporal deletes', { timeout: 120_000 }, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: {} });
  });
  afterAll(() => engine?.stop());

  const { create, schedule, home } = scheduleBench(() => engine);
  const { command } = submissionBench(() => engine);
  const client = () => engine.stack.temporal.client;
  /** The workflow behind the schedule. */
  const workflowOf = (name: ScheduleName) =>
    client().workflow.getHandle(`temporal-sys-scheduler:${scheduleId(name)}`);
  const listed = async (): Promise<readonly Record<string, unknown>[]> =>
    JSON.parse((await command(['schedule', 'list', '--json'])).stdout).schedules;
  const untilGone = (name: ScheduleName): Promise<unknown> =>
    eventually(async () => !(await describedSchedule(client(), name)), { what: `${name} is gone` });

  it('because it is resumed after more than a week is restored from the bucket', async () => {
    const times = { kind: 'cron' as const, expressions: ['0 3 * * 1'] };
    const policy = { overlap: 'buffer-one', jitterMs: 60_000, catchupMs: 120_000 } as const;
    const name = await create('aged', { mode: 'changes', times, timezone: 'Europe/Berlin', policy });
    await pauseSchedule(client(), name, 'a holiday');
    await eventually(async () => (await schedule(name)).paused, { what: 'it is paused' });
    const before = await schedule(name);
    // What the server does when it processes the resume.
    await workflowOf(name).terminate('a test');
    await untilGone(name);
    const { store } = engine.stack.s3;
    const access = { client: client(), store, taskQueue: engine.taskQueue };
    expect(await resumeOrMakeAgain(access, home(), name, { before, note: 'back' })).toBe(true);
    const after = await schedule(name);
    expect(after).toMatchObject({ paused: false, sheet: before.sheet, policy: before.policy });
    expect(after.createdAt.getTime()).toBeGreaterThan(before.createdAt.getTime());
  });

  it('is listed as lost, and restored by resume', async () => {
    const name = await create('lost', { mode: 'fresh', policy: { catchupMs: 60_000 } });
    const before = await schedule(name);
    await workflowOf(name).terminate('a test');
    await untilGone(name);
    const text = 'Temporal has deleted schedule "lost"';
    expect(await listed()).toContainEqual(
      expect.objectContaining({ schedule: 'lost', lost: true, problem: expect.stringContaining(text) }),
    );
    expect((await command(['schedule', 'list'])).stdout).toMatch(/^lost +lost /m);
    for (const verb of ['show', 'pause', 'trigger']) {
      expect(await command(['schedule', verb, 'lost'])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/banana-batch schedule resume lost/),
      });
    }
    expect(await command(['schedule', 'resume', 'lost'])).toMatchObject({ code: 0 });
    const { paused, sheet, policy } = await schedule(name);
    expect({ paused, sheet, policy }).toEqual({ paused: false, sheet: before.sheet, policy: before.policy });
  });

  it('at a person’s request is not lost', async () => {
    const name = await create('deleted', { mode: 'fresh' });
    await deleteSchedule({ client: client(), store: engine.stack.s3.store }, await schedule(name));
    await untilGone(name);
    expect((await listed()).map((one) => one['schedule'])).not.toContain('deleted');
    expect(await command(['schedule', 'resume', 'deleted'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no schedule "deleted"'),
    });
  });
});
