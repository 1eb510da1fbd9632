import { listSchedule } from '../measure/list-schedule.js';
import type { PerImage } from './figures.js';

const DAY_SECONDS = 86_400;

/** How many jobs an account may have unfinished, and how long one takes, evenly spread between two times. */
export interface Account {
  readonly unfinishedJobs: number;
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/**
 * The time in which an account makes so many images, in seconds, by simulating every job: each takes a slot for its
 * duration and for `idleSeconds` until the next one starts.
 */
export function batchSeconds(images: number, account: Account, idleSeconds: number): number {
  return listSchedule(durations(images, account, idleSeconds), account.unfinishedJobs);
}

function* durations(images: number, { fromSeconds, toSeconds }: Account, idleSeconds: number) {
  for (let image = 0; image < images; image++) {
    yield fromSeconds + (toSeconds - fromSeconds) * spread(image) + idleSeconds;
  }
}

/** Evenly spread over 0 to 1, in no simple order, and the same in each run. */
function spread(index: number): number {
  return (index * 0.618_033_988_749_895) % 1;
}

/** What a steady stream of images needs of each part. */
export interface Needs {
  readonly imagesPerSecond: number;
  readonly unfinishedJobs: number;
  /** To the API: a create and the GETs of its job. */
  readonly requestsPerSecond: number;
  /** Busy cores of all workers together. */
  readonly workerCores: number;
  readonly temporalCores: number;
  readonly eventsPerSecond: number;
  readonly writesPerSecond: number;
  /** In each direction: from the image host, and to the bucket. */
  readonly mbPerSecond: number;
  readonly tbPerDay: number;
  readonly costPerDay: number;
}

export function needsOf(
  imagesPerDay: number,
  example: { readonly jobSeconds: number; readonly imageMb: number; readonly price: number },
  image: PerImage,
): Needs {
  const perSecond = imagesPerDay / DAY_SECONDS;
  const workerMs = image.workerMs + image.copyMsPerMb * example.imageMb + image.thumbnailMs;
  return {
    imagesPerSecond: perSecond,
    unfinishedJobs: perSecond * (example.jobSeconds + image.idleSeconds),
    requestsPerSecond: perSecond * (1 + image.polls),
    workerCores: (perSecond * workerMs) / 1_000,
    temporalCores: (perSecond * image.temporalMs) / 1_000,
    eventsPerSecond: perSecond * image.historyEvents,
    writesPerSecond: perSecond * image.writes,
    mbPerSecond: perSecond * example.imageMb,
    tbPerDay: (imagesPerDay * example.imageMb) / 1_000_000,
    costPerDay: imagesPerDay * example.price,
  };
}
