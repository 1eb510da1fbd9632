/**
 * What one image takes, as `npm run bench` has measured it on two cores (2026-12), where images are copied by a task of
 * their own: a 1K image of 1.5 MB, with a thumbnail.
 */
export const MEASURED = {
  /** CPU time of a worker for a row with a small image and no thumbnail. */
  workerMs: 10,
  copyMsPerMb: 1.8,
  thumbnailMs: 24,
  /** CPU time of Temporal on SQLite. */
  temporalMs: 10.5,
  historyEvents: 11,
  /** GETs of a job, the copy's included. */
  polls: 3.5,
  /** The image, its thumbnail, and its share of its shard's files. */
  writes: 2.02,
  /** From the end of a job to the create of the next one: until a poll sees it, and until the next is sent. */
  idleSeconds: 1.5,
} as const;

export type PerImage = Readonly<Record<keyof typeof MEASURED, number>>;

/** An image of this size, and what the service charges for it: made up, to show the proportion. */
export const EXAMPLE = { imageMb: 1.5, price: 0.04 } as const;
