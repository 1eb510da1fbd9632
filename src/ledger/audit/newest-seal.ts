import { ZodError } from 'zod';
import { lastRunSeq } from '../previous-runs.js';
import { UsageError } from '../../errors.js';
import { Report } from '../documents.js';
import { readDocumentIfAny } from '../files/read-document.js';
import { at, outcomesKey, reportKey, type BatchLocation, type RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';

/** The newest seal of a batch. */
export interface Seal {
  readonly run: RunRef;
  readonly report: Report;
  /** The newest requested run; if it is not the sealed one, it has no seal yet. */
  readonly newestRunSeq: number;
  /** The newest run has begun to overwrite files of this seal. */
  readonly isBeingReplaced: boolean;
}

export type SealSearch =
  | { readonly kind: 'sealed'; readonly seal: Seal }
  /** report.json exists, but is not a valid report. */
  | { readonly kind: 'unreadable'; readonly newestRunSeq: number }
  | { readonly kind: 'unsealed'; readonly newestRunSeq: number }
  | { readonly kind: 'unknown-batch' };

/** Finds the newest seal of a batch. Throws `StorageError`. */
export async function findNewestSeal(store: ObjectStore, location: BatchLocation): Promise<SealSearch> {
  const newest = await lastRunSeq(store, location);
  let report: Report | undefined;
  try {
    report = await readDocumentIfAny(store, at(location, reportKey(location)), Report);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ZodError)
      return { kind: 'unreadable', newestRunSeq: newest };
    throw error;
  }
  if (!report) return newest === 0 ? { kind: 'unknown-batch' } : { kind: 'unsealed', newestRunSeq: newest };
  const { runSeq } = report;
  const isBeingReplaced =
    newest > runSeq && (await store.head(at(location, outcomesKey(location, newest)))) !== undefined;
  const newestRunSeq = Math.max(newest, runSeq);
  return { kind: 'sealed', seal: { run: { ...location, runSeq }, report, newestRunSeq, isBeingReplaced } };
}

/** The refusal for a batch without a seal. */
export function nothingSealed({ batchId }: BatchLocation, newestRunSeq: number): UsageError {
  return new UsageError(
    `Batch "${batchId}" has no final report yet: run ${newestRunSeq} is still running or was terminated. See which with: banana-batch status ${batchId}. If it was terminated, continue it with: banana-batch retry ${batchId}`,
  );
}
