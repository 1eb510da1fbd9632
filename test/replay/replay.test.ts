import proto from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import { fileURLToPath } from 'node:url';
import { readHistories, RECORDED_RUNS, type RecordedHistories, type RecordedRun } from './recorded-runs.js';

const { History } = proto.temporal.api.history.v1;
const workflowBundle = {
  codePath: fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url)),
};

/** The problems of a replay; empty if the workflows still make the same decisions. */
async function problemsOf(histories: RecordedHistories): Promise<readonly string[]> {
  const problems: string[] = [];
  const results = Worker.runReplayHistories(
    { workflowBundle },
    histories.map(({ workflowId, history }) => ({ workflowId, history: History.fromObject(history) })),
  );
  for await (const { workflowId, error } of results) {
    if (error) problems.push(`${workflowId}: ${error.message}`);
  }
  return problems;
}

async function eventsOf(run: RecordedRun): Promise<string> {
  return JSON.stringify(await readHistories(run));
}

describe('the recorded history of a run', () => {
  it.each(RECORDED_RUNS)('is replayed by the current workflows: %s', async (run) => {
    const histories = await readHistories(run);
    expect(histories.length).toBeGreaterThan(0);
    expect(await problemsOf(histories)).toEqual([]);
  });

  it('contains what it was recorded for', async () => {
    expect(await eventsOf('held')).toContain('"probe:account"');
    expect(await eventsOf('continued')).toContain('EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW');
    expect(await eventsOf('budget')).toContain('"raiseGranted"');
    expect(await eventsOf('later-budget')).toContain('"checkPrices"');
    expect(await eventsOf('canary')).toContain('"reportCanary"');
    expect(await eventsOf('generations')).toMatch(/"create:\d+:2"/);
    expect(await eventsOf('paused')).toContain('EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED');
    expect(await eventsOf('scheduled')).toContain('"scheduledFiring"');
  });

  it('is refused if a step is missing from the workflow', async () => {
    const histories = await readHistories('plain');
    const changed = JSON.stringify(histories).replaceAll('"create:3:1"', '"create:3:9"');
    expect(await problemsOf(JSON.parse(changed) as RecordedHistories)).toEqual([
      expect.stringMatching(/create:3:9|Nondeterminism/),
    ]);
  });
});
