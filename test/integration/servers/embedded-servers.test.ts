import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestStack } from '../../support/stack/test-stack.js';
import type { TestStack } from '../../support/stack/test-stack.js';
import { eventually } from '../../support/eventually.js';

let stack: TestStack;

beforeAll(async () => {
  stack = await startTestStack();
});

afterAll(async () => {
  await stack.stop();
});

async function putObject(key: string): Promise<void> {
  const ref = { bucket: stack.s3.bucket, key };
  await stack.s3.store.put(ref, Buffer.from(`content of ${key}`), { contentType: 'text/plain' });
}

async function readObject(key: string): Promise<string> {
  return stack.s3.store.readText({ bucket: stack.s3.bucket, key });
}

async function startWorkflow(workflowId: string): Promise<void> {
  await stack.temporal.client.workflow.start('nobodyRunsThis', { workflowId, taskQueue: 'nobody' });
}

async function workflowStatus(workflowId: string): Promise<string> {
  const description = await eventually(
    () => stack.temporal.client.workflow.getHandle(workflowId).describe(),
    {
      what: `Temporal knows ${workflowId}`,
    },
  );
  return description.status.name;
}

describe('the embedded servers', () => {
  it('keep their data after a stop', async () => {
    await Promise.all([putObject('before-stop'), startWorkflow('before-stop')]);
    await Promise.all([stack.s3.restart(), stack.temporal.restart()]);
    expect(await readObject('before-stop')).toBe('content of before-stop');
    expect(await workflowStatus('before-stop')).toBe('RUNNING');
  });

  it('keep everything they acknowledged after both were killed', async () => {
    await Promise.all([putObject('before-kill'), startWorkflow('before-kill')]);
    await Promise.all([stack.s3.kill(), stack.temporal.kill()]);
    await Promise.all([stack.s3.restart(), stack.temporal.restart()]);
    expect(await readObject('before-kill')).toBe('content of before-kill');
    expect(await workflowStatus('before-kill')).toBe('RUNNING');
  });

  it('show the web UI', async () => {
    const response = await fetch(stack.temporal.uiUrl);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('<html');
  });

  it('listen on this machine only', async () => {
    expect(new URL(stack.s3.endpoint).hostname).toBe('127.0.0.1');
    expect(stack.temporal.address).toMatch(/^127\.0\.0\.1:/);
  });
});
