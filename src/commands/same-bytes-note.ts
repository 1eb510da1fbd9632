import { ZodError } from 'zod';
import type { BatchStatus } from '../batch/status-document.js';
import { sameBytesText } from '../domain/same-bytes.js';
import { Report } from '../ledger/documents.js';
import { readDocumentIfAny } from '../ledger/read-document.js';
import { at, reportKey, type BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';

/** What an ended batch's seal says of images that came out the same for different prompts, on one line; undefined where it says nothing, and for a batch at work. */
export async function sameBytesNote(
  store: ObjectStore,
  location: BatchLocation,
  { endedAt, runSeq, batchId }: Pick<BatchStatus, 'endedAt' | 'runSeq' | 'batchId'>,
): Promise<string | undefined> {
  if (endedAt === undefined) return undefined;
  const report = await readableReport(store, location);
  const text = sameBytesText(report?.runSeq === runSeq ? report.sameBytes : undefined);
  return text && `${text} Which: banana-batch verify ${batchId}`;
}

/** A report that cannot be understood must not hide where the batch is; `verify` names it. */
async function readableReport(store: ObjectStore, location: BatchLocation): Promise<Report | undefined> {
  try {
    return await readDocumentIfAny(store, at(location, reportKey(location)), Report);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ZodError) return undefined;
    throw error;
  }
}
