import prettyBytes from 'pretty-bytes';
import prettyMs from 'pretty-ms';
import type { Exported, ExportProgress } from '../../report/export/export-batch.js';
import { missingIn, type MissingRow } from '../../report/export/export-manifest.js';
import { counted } from '../../domain/text/full-stop.js';
import { oneLine } from '../terminal/table.js';

/** How fast images have been written since the first one of this call. */
export interface ExportRate {
  readonly bytesPerSecond: number;
  readonly imagesPerSecond: number;
}

/** Measures the speed of an export, without the work of earlier calls. */
export class ExportPace {
  #first: { readonly atMs: number; readonly images: number; readonly bytes: number } | undefined;

  /** Records a measurement; undefined during the first second. */
  note(now: ExportProgress, atMs: number): ExportRate | undefined {
    if (now.kind === 'planning') return undefined;
    const { images, bytes } = now;
    this.#first ??= { atMs, images, bytes };
    const seconds = (atMs - this.#first.atMs) / 1000;
    if (seconds < 1 || bytes === this.#first.bytes) return undefined;
    return {
      bytesPerSecond: (bytes - this.#first.bytes) / seconds,
      imagesPerSecond: (images - this.#first.images) / seconds,
    };
  }
}

/** The progress of an export as text for users. */
export function exportProgressText(
  batchId: string,
  now: ExportProgress,
  rate: ExportRate | undefined,
): string {
  const name = oneLine(batchId);
  if (now.kind === 'planning') return `Exporting ${name}: ${now.rows}/${now.totalRows} rows read`;
  const { shards, totalShards, images, totalImages, bytes, totalBytes } = now;
  const parts = [
    `${images}/${totalImages} images`,
    `${prettyBytes(bytes)} of ${prettyBytes(totalBytes)}`,
    `${shards}/${totalShards} shards`,
  ];
  if (rate) {
    const leftMs = ((totalBytes - bytes) / rate.bytesPerSecond) * 1000;
    parts.push(
      `${Math.round(rate.imagesPerSecond)} images/s, ${prettyBytes(rate.bytesPerSecond)}/s`,
      `about ${prettyMs(leftMs, { compact: true })} left`,
    );
  }
  return `Exporting ${name}: ${parts.join(' · ')}`;
}

/** The result of an export as text for users. */
export function exportSummary(exported: Exported, address: string, seconds: number): string {
  const { manifest, keptShards } = exported;
  const { batchId, runSeq, images, imageBytes, shards } = manifest;
  const made = shards.length - keptShards;
  const kept = keptShards > 0 ? ` (${keptShards} were there already)` : '';
  const took = made > 0 ? `, in ${prettyMs(seconds * 1000)}` : '';
  return [
    `${batchId} run ${runSeq}: ${counted(images, 'image')} (${prettyBytes(imageBytes)}) in ${counted(shards.length, 'shard')}${kept}${took}.`,
    `Place      ${address}`,
    `Load       ${address.startsWith('s3://') ? 'see README.md there' : `datasets.load_dataset(${JSON.stringify(address)}, split="train")`}`,
    '',
  ].join('\n');
}

const NAMED_ROWS = 20;

/** The rows that an export lacks, and what to do about them; empty if there are none. */
export function missingRowsText(batchId: string, missing: readonly MissingRow[]): string {
  if (missing.length === 0) return '';
  const named = missing
    .slice(0, NAMED_ROWS)
    .map(
      ({ rowId, image, reason }) =>
        `  row ${JSON.stringify(rowId)} (${oneLine(image)}): ${oneLine(reason)}\n`,
    );
  const more =
    missing.length > NAMED_ROWS ? `  … and ${missing.length - NAMED_ROWS} more, all in export.json\n` : '';
  return [
    `${counted(missing.length, 'row')} left out, because the image in the bucket is damaged or missing:\n`,
    ...named,
    more,
    `Check all images with: banana-batch verify ${batchId} --deep. Buy damaged ones again with: banana-batch redo ${batchId} --rows ROW, then export again with --overwrite. If missing images are restored in the bucket, the same export adds them.\n`,
  ].join('');
}

/** Printed if a person has edited the card. */
export function keptCardNote(address: string): string {
  return `README.md in ${address} was edited and stays as it is; its counts may be from an earlier export. Delete it to have it written again.\n`;
}

/** The output of `export --json`; scripts rely on it. */
export function exportJson({ manifest, keptShards, card }: Exported, to: string, seconds: number): string {
  const { batchId, runSeq, exportFormat, images, imageBytes, columns, shards } = manifest;
  const missing = missingIn(manifest);
  return `${JSON.stringify({ batchId, runSeq, format: exportFormat, to, images, imageBytes, columns, shards, missing, keptShards, card, seconds })}\n`;
}
