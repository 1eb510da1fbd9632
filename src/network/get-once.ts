import type { Dispatcher } from 'undici';
import { createAgent } from './agent.js';

/** Gives `use` the answer to one GET over its own connection, directly or through a proxy; closes it afterwards. */
export async function getOnce<T>(
  url: string,
  signal: AbortSignal,
  use: (response: Dispatcher.ResponseData) => Promise<T>,
): Promise<T> {
  const agent = createAgent({ connections: 1 });
  const { origin, pathname, search } = new URL(url);
  try {
    return await use(await agent.request({ origin, path: pathname + search, method: 'GET', signal }));
  } finally {
    await agent.destroy();
  }
}
