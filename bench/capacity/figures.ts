/**
 * What one image takes, rounded from benches on two cores (2026-12) in which images were copied by a task of their own: a
 * 1K image of 1.5 MB, with a thumbnail.
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
  /** From the end of a job to the create of the next one, with a share of the batch's start and end: 600 jobs of 10 s, 100 at a time. */
  idleSeconds: 1.5,
} as const;

export type PerImage = Readonly<Record<keyof typeof MEASURED, number>>;

/** An image of this size, and what the service charges for it: made up, to show the proportion. */
export const EXAMPLE = { imageMb: 1.5, price: 0.04 } as const;
