import { type GenerationRecord, type RowOutcome, phaseReached } from '../domain/rows/outcome.js';
import { hasChosenName } from '../domain/images/image-name.js';
import { FAILURE_COLUMNS, metadataLabelName } from '../domain/rows/columns.js';
import { inputImagesCell } from '../domain/rows/input-image.js';
import type { PromptRow } from '../domain/rows/row.js';
import type { CsvCells } from '../sheet/index.js';
import { inputAddress, type BatchLocation } from '../storage/layout.js';
import { labelsOf } from './metadata-line.js';

const SETTINGS_COLUMNS = ['id', 'prompt', 'model', 'aspect_ratio', 'resolution', 'count'] as const;

/** The columns of `failures.csv`: a row ready for resubmission, the carried columns, and ours. */
export function failureColumns({
  labelColumns,
  hasNames,
  hasInputs,
}: {
  readonly labelColumns: readonly string[];
  /** Whether rows of the batch have chosen names, which they keep when they are submitted again. */
  readonly hasNames: boolean;
  /** Whether rows of the batch have input images. */
  readonly hasInputs: boolean;
}): readonly string[] {
  const names = hasNames ? ['file_name'] : [];
  const inputs = hasInputs ? ['input_images'] : [];
  return [
    ...SETTINGS_COLUMNS,
    ...inputs,
    ...names,
    ...labelColumns.map(metadataLabelName),
    ...FAILURE_COLUMNS,
  ];
}

/**
 * A row that ended without an image, as a record of `failures.csv`: final id and settings, count 1, then why. Its
 * input images are addresses that work from anywhere: those in the batch as `s3://`, URLs complete, even presigned
 * ones.
 */
export function failureRecord(location: BatchLocation, row: PromptRow, outcome: RowOutcome): CsvCells {
  const { end, generations } = outcome;
  const last = generations.at(-1);
  return {
    ...labelsOf(row),
    id: row.rowId,
    prompt: row.prompt,
    model: row.model,
    aspect_ratio: row.aspectRatio,
    resolution: row.resolution,
    count: '1',
    ...(row.inputImages.length > 0 && { input_images: inputAddressesCell(location, row.inputImages) }),
    ...(hasChosenName(row) && { file_name: row.imageName }),
    failure_kind: end.kind === 'failed' ? end.failure : end.kind,
    failure_phase: phaseReached(outcome),
    failure_message: unstoredReason(end),
    failure_job_id: last?.jobId ?? '',
    failure_generations: String(generations.length),
    failure_charged: last?.charged ?? 'no',
    failure_jobs: generations.map(generationText).join(' '),
    failure_line: String(row.line),
    failure_row: String(row.tableRow ?? row.line),
  };
}

/** Why a row has no image, as a sentence; empty for a stored one. */
export function unstoredReason(end: RowOutcome['end']): string {
  switch (end.kind) {
    case 'stored':
      return '';
    case 'failed':
      return end.message;
    case 'cancelled':
      return 'The batch was cancelled before the row was done.';
  }
}

function inputAddressesCell(location: BatchLocation, inputImages: readonly string[]): string {
  return inputImagesCell(inputImages.map((image) => inputAddress(location, image)));
}

/** A generation as `2:failed:unknown:JOB`: number, end, charge and job id, which is empty if unknown. */
function generationText({ generation, end, charged, jobId }: GenerationRecord): string {
  return `${generation}:${end}:${charged}:${jobId ?? ''}`;
}
