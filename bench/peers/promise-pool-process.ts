/*
 * The peer of a batch: what a script of a few lines does. Reads a `PoolJob` as JSON from standard input, makes every
 * image with a pool of promises, and prints a `PoolResult`. It forgets everything when it ends.
 */
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import pMap from 'p-map';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { PoolJob, type PoolResult } from './pool-messages.js';

const Created = z.object({ job_id: z.string() });
const Job = z.object({ status: z.string(), result: z.object({ image_url: z.string() }).nullable() });

const job = PoolJob.parse(JSON.parse(await text(process.stdin)));
const { apiUrl, apiKey, s3, concurrency, pollMs } = job;
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

async function call(path: string, body?: object): Promise<unknown> {
  const { statusCode, body: answer } = await request(`${apiUrl}${path}`, {
    dispatcher,
    headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  const content = await answer.text();
  if (statusCode >= 300) throw new Error(`${path} answered ${statusCode}: ${content}`);
  return JSON.parse(content);
}

async function makeImage(prompt: string, key: string): Promise<void> {
  const created = await call('/text-generations', { prompt, aspect_ratio: '1:1', resolution: '1K' });
  const { job_id: jobId } = Created.parse(created);
  for (;;) {
    await delay(pollMs);
    const { status, result } = Job.parse(await call(`/jobs/${jobId}`));
    if (status === 'failed') throw new Error(`Job ${jobId} failed.`);
    if (status !== 'done' || !result) continue;
    const { body } = await request(result.image_url, { dispatcher });
    const Body = Buffer.from(await body.arrayBuffer());
    await bucket.send(new PutObjectCommand({ Bucket: s3.bucket, Key: key, Body, ContentType: 'image/png' }));
    return;
  }
}

async function makeAll(prompts: readonly string[]): Promise<void> {
  const named = prompts.map((prompt, row) => ({
    prompt,
    key: `${job.prefix}${prompt.split(' ')[0]}-${row}.png`,
  }));
  await pMap(named, ({ prompt, key }) => makeImage(prompt, key), { concurrency });
}

await makeAll(job.warmUp);
const [cpu, started] = [process.cpuUsage(), performance.now()];
await makeAll(job.prompts);
const wallMs = performance.now() - started;
const { user, system } = process.cpuUsage(cpu);
const result: PoolResult = {
  wallMs,
  cpuMs: (user + system) / 1_000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(JSON.stringify(result));
await dispatcher.close();
bucket.destroy();
