/*
 * The peer of a batch: what a script of a few lines does. Reads a `PeerWork` as JSON from standard input, makes every
 * image with a pool of promises, and prints a `PeerResult`. It forgets everything when it ends.
 */
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import pMap from 'p-map';
import { imageSteps } from './image-steps.js';
import { measured, PeerWork, type NamedPrompt } from './peer-work.js';

const work = PeerWork.parse(JSON.parse(await text(process.stdin)));
const { concurrency, pollMs } = work;
const steps = imageSteps(work);

async function makeImage({ prompt, key }: NamedPrompt): Promise<void> {
  const jobId = await steps.create(prompt);
  for (;;) {
    await delay(pollMs);
    const imageUrl = await steps.poll(jobId);
    if (imageUrl !== undefined) return steps.copy(imageUrl, key);
  }
}

const result = await measured(work, async (images) => {
  await pMap(images, makeImage, { concurrency });
});
process.stdout.write(JSON.stringify(result));
await steps.close();
