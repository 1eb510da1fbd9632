import { createDownloadAgent } from '../src/bananahub/images/download-agent.js';
import { createBananaHubClient } from '../src/bananahub/http-client.js';
import { downloadImage } from '../src/bananahub/images/image-download.js';
import { isSafeJobId } from '../src/bananahub/schema.js';
import { inspectImage } from '../src/domain/images/bytes/inspect.js';
import type { ClientView } from './evidence.js';

/** What our own client reads from the account, a finished job and its image. Throws only if interrupted. */
export async function viewOfClient(options: {
  readonly baseUrl: string;
  readonly key: string;
  readonly jobId: string;
  readonly signal: AbortSignal;
}): Promise<ClientView> {
  const { baseUrl, key, jobId, signal } = options;
  const client = createBananaHubClient({ baseUrl, apiKey: key });
  // A service on this machine also has its images here.
  const agent = createDownloadAgent({ allowPrivateAddresses: isLocal(baseUrl) });
  const attempt = async <T>(what: () => Promise<T>): Promise<T | string> => {
    try {
      return await what();
    } catch (error) {
      signal.throwIfAborted();
      return error instanceof Error ? error.message : String(error);
    }
  };
  try {
    const balance = await attempt(() => client.getBalance(signal));
    if (!isSafeJobId(jobId)) return { balance, job: 'it does not take this job id', image: undefined };
    const job = await attempt(() => client.getJob(jobId, signal));
    if (typeof job === 'string' || job.kind !== 'done') return { balance, job, image: undefined };
    const image = await attempt(async () => {
      const { body, release } = await downloadImage(job.imageUrl, { agent, signal });
      release();
      return inspectImage(body);
    });
    return { balance, job: { kind: 'done' }, image };
  } finally {
    await client.close();
    await agent.destroy();
  }
}

function isLocal(baseUrl: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(baseUrl).hostname);
}
