import type { WorkflowHandle } from '@temporalio/client';

/** The whole history of a workflow as text with decoded payloads, to assert what it must not contain. */
export async function historyText(handle: Pick<WorkflowHandle, 'fetchHistory'>): Promise<string> {
  const history = JSON.stringify(await handle.fetchHistory(), (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString() : value,
  );
  return history.replaceAll(/[A-Za-z0-9+/]{24,}={0,2}/g, (text) => Buffer.from(text, 'base64').toString());
}
