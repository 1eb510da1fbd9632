import path from 'node:path';
import { UsageError } from '../../errors.js';
import { exportBatch, type Exported } from '../../report/export/export-batch.js';
import type { ExportFormat } from '../../report/export/export-format.js';
import { missingIn } from '../../report/export/export-manifest.js';
import type { ExportPlace } from '../../report/export/shard-file.js';
import { folderPlace } from '../../report/export/folder-place.js';
import { s3Place } from '../../report/export/s3-place.js';
import type { Seal } from '../../ledger/audit/newest-seal.js';
import { s3FolderIn } from '../../storage/folder-name.js';
import { batchRoot, type BatchLocation } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { findBatch } from '../../starter.js';
import { withBucket } from '../terminal/batch-access.js';
import { EXIT, type Command, type CommandContext } from '../terminal/command-context.js';
import {
  ExportPace,
  exportJson,
  exportProgressText,
  exportSummary,
  keptCardNote,
  missingRowsText,
} from './export-text.js';
import { openLateProgress } from '../terminal/progress.js';
import { sealOf, unreadableReport } from '../batch/verify.js';
import { writeText } from '../terminal/table.js';

export interface ExportOptions {
  readonly id: string;
  readonly format: ExportFormat;
  /** A folder, or `s3://bucket/prefix/`. */
  readonly to: string;
  readonly shardSize: number;
  readonly overwrite: boolean;
  readonly json: boolean;
}

/** Writes a sealed batch as shards that training tools read. Needs only the bucket. Exits with 1 if an image is damaged. */
export const exportCommand: Command<ExportOptions> = (context, options) =>
  withBucket(context.config, async (store, bucket) => {
    const location = await findBatch({ store, bucket }, options.id);
    const place = placeOf(context, options.to, store, location);
    const seal = await finishedSeal(store, location);
    const startedAtMs = Date.now();
    try {
      const exported = await withProgress(context, store, seal, place, options);
      const seconds = (Date.now() - startedAtMs) / 1000;
      if (options.json) await writeText(context.stdout, exportJson(exported, place.address, seconds));
      else await writeText(context.stdout, exportSummary(exported, place.address, seconds));
      if (exported.card === 'kept') context.stderr.write(keptCardNote(place.address));
      const missing = missingIn(exported.manifest);
      context.stderr.write(missingRowsText(location.batchId, missing));
      return missing.length > 0 ? EXIT.incomplete : EXIT.ok;
    } catch (error) {
      if (!context.interrupted.aborted) throw error;
      context.stderr.write('Stopped. Finished shards stay; the same command continues after them.\n');
      return EXIT.interrupted;
    }
  });

async function withProgress(
  { stderr, interrupted: signal }: CommandContext,
  store: ObjectStore,
  seal: Seal,
  place: ExportPlace,
  { format, shardSize: shardBytes, overwrite }: ExportOptions,
): Promise<Exported> {
  const progress = openLateProgress(stderr);
  const pace = new ExportPace();
  try {
    const onProgress: Parameters<typeof exportBatch>[0]['onProgress'] = (now) =>
      progress.show(() => exportProgressText(seal.run.batchId, now, pace.note(now, Date.now())));
    return await exportBatch({ store, seal, place, format, shardBytes, overwrite, onProgress, signal });
  } finally {
    progress.end();
  }
}

/** The seal of a batch without a newer run, which might replace sealed images. */
async function finishedSeal(store: ObjectStore, location: BatchLocation): Promise<Seal> {
  const seal = await sealOf(store, location);
  if (seal === 'unreadable') throw unreadableReport(location);
  const { run, newestRunSeq } = seal;
  if (newestRunSeq > run.runSeq) {
    const { batchId } = location;
    throw new UsageError(
      `Run ${newestRunSeq} of batch "${batchId}" has no final report yet and may still change images. Export when it has finished: banana-batch status ${batchId}. If it was terminated, finish it with: banana-batch retry ${batchId}`,
    );
  }
  return seal;
}

function placeOf(
  { cwd, interrupted }: CommandContext,
  to: string,
  store: ObjectStore,
  location: BatchLocation,
): ExportPlace {
  if (!/^s3:/i.test(to)) {
    if (to === '' || /^[a-z][a-z0-9+.-]+:\/\//i.test(to)) {
      throw new UsageError(`--to is "${to}": expected a folder, or s3://bucket/prefix/.`);
    }
    return folderPlace(path.resolve(cwd, to));
  }
  const folder = s3FolderIn(to);
  if (!folder)
    throw new UsageError(`--to is "${to}": expected s3://bucket/folder/, with a folder of its own.`);
  const { bucket, root: prefix } = folder;
  if (bucket === location.bucket && prefix.startsWith(batchRoot(location))) {
    throw new UsageError(
      `--to "${to}" is inside the batch itself, where "verify" would report it as unknown. Choose a prefix outside of ${batchRoot(location)}.`,
    );
  }
  return s3Place(store, { bucket, prefix }, interrupted);
}
