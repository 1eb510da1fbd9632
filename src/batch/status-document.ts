import type { Tally } from '../domain/tally.js';
import { batchRoot, type BatchLocation } from '../storage/layout.js';

export type BatchState =
  | 'preparing'
  | 'running'
  | 'paused'
  | 'held'
  | 'cancelling'
  | 'sealing'
  | 'completed'
  | 'cancelled'
  | 'failed';

/** What `status --json` prints; scripts rely on it. Times are ISO 8601. */
export interface BatchStatus extends Tally {
  readonly batchId: string;
  readonly state: BatchState;
  /** Why the batch stands still or failed, for a person. */
  readonly reason: string | undefined;
  readonly holds: readonly {
    readonly scope: string;
    readonly code: string;
    readonly message: string;
    readonly since: string;
    readonly nextProbeAt: string | undefined;
  }[];
  readonly paused: boolean;
  readonly runSeq: number;
  readonly startedAt: string;
  readonly endedAt: string | undefined;
  readonly imagesPerMinute: number | undefined;
  readonly etaSeconds: readonly [low: number, high: number] | undefined;
  readonly concurrency: number | undefined;
  /** Images that earlier runs of the batch have stored; they are among `stored`. */
  readonly carried: number;
  /** Workers seen in the last minute or so; undefined where Temporal was not asked. */
  readonly workers: number | undefined;
  /** When these numbers were true. */
  readonly asOf: string;
  /** `s3://bucket/prefix/batch/` */
  readonly location: string;
}

/** A status as one JSON document: every field is there, `null` where nothing is known. */
export function statusJson(status: BatchStatus): string {
  return JSON.stringify(status, (_, value: unknown) => value ?? null);
}

/** A batch's place as a person writes it. */
export function addressOf(location: BatchLocation): string {
  return `s3://${location.bucket}/${batchRoot(location)}`;
}
