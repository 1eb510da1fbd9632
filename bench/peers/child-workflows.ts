import { continueAsNew, executeChild, proxyActivities } from '@temporalio/workflow';
import type { NamedPrompt } from './peer-work.js';

/** The activities of the peer. */
export interface ChildActivities {
  create(prompt: string): Promise<string>;
  /** Polls until the job has ended; returns the image's URL. */
  untilDone(jobId: string): Promise<string>;
  copy(imageUrl: string, key: string): Promise<void>;
}

const { create, untilDone, copy } = proxyActivities<ChildActivities>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '30 seconds',
});

/** Images that one run of the batch's workflow makes: its history and its input are limited. */
const PAGE = 500;

/** What a run of the batch's workflow has to do. */
export interface ChildBatch {
  readonly images: readonly NamedPrompt[];
  readonly concurrency: number;
}

/** Starts a child workflow for every row, so many at a time. */
export async function childBatch({ images, concurrency }: ChildBatch): Promise<void> {
  const page = images.slice(0, PAGE);
  const rest = images.slice(PAGE);
  let next = 0;
  const slot = async (): Promise<void> => {
    for (let image = page[next++]; image; image = page[next++]) {
      await executeChild(childRow, { args: [image] });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, slot));
  if (rest.length > 0) await continueAsNew<typeof childBatch>({ images: rest, concurrency });
}

/** Makes one image. */
export async function childRow({ prompt, key }: NamedPrompt): Promise<void> {
  await copy(await untilDone(await create(prompt)), key);
}
