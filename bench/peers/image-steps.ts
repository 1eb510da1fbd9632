import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { PeerWork } from './peer-work.js';

const Created = z.object({ job_id: z.string() });
const Job = z.object({ status: z.string(), result: z.object({ image_url: z.string() }).nullable() });

/** What any program has to do for an image, in the shortest form that works if nothing fails. */
export interface ImageSteps {
  /** Returns the job's id. */
  readonly create: (prompt: string) => Promise<string>;
  /** The image's URL, or undefined if the job has not ended. Throws if it has failed. */
  readonly poll: (jobId: string) => Promise<string | undefined>;
  readonly copy: (imageUrl: string, key: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

export function imageSteps({ apiUrl, apiKey, s3, concurrency }: PeerWork): ImageSteps {
  const dispatcher = new Agent({ connections: concurrency });
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const bucket = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    requestHandler: { httpAgent: { keepAlive: true, maxSockets: concurrency } },
  });
  const authorization = `Bearer ${apiKey}`;
  const call = async (path: string, body?: object): Promise<unknown> => {
    const { statusCode, body: answer } = await request(`${apiUrl}${path}`, {
      dispatcher,
      headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
    const content = await answer.text();
    if (statusCode >= 300) throw new Error(`${path} answered ${statusCode}: ${content}`);
    return JSON.parse(content);
  };
  return {
    create: async (prompt) => {
      const created = await call('/text-generations', { prompt, aspect_ratio: '1:1', resolution: '1K' });
      return Created.parse(created).job_id;
    },
    poll: async (jobId) => {
      const { status, result } = Job.parse(await call(`/jobs/${jobId}`));
      if (status === 'failed') throw new Error(`Job ${jobId} failed.`);
      return status === 'done' ? result?.image_url : undefined;
    },
    copy: async (imageUrl, key) => {
      const { body } = await request(imageUrl, { dispatcher });
      const Body = Buffer.from(await body.arrayBuffer());
      await bucket.send(
        new PutObjectCommand({ Bucket: s3.bucket, Key: key, Body, ContentType: 'image/png' }),
      );
    },
    close: async () => {
      await dispatcher.close();
      bucket.destroy();
    },
  };
}
