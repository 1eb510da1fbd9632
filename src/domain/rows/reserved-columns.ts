/** The columns that mean something to us in a sheet; everything else is carried as a label. Order as we write them. */
export const INPUT_COLUMNS = [
  'id',
  'prompt',
  'model',
  'aspect_ratio',
  'resolution',
  'input_images',
  'count',
  'file_name',
] as const;
export type InputColumn = (typeof INPUT_COLUMNS)[number];

/** The columns of ours in `images/train/metadata.jsonl`, in order; labels follow. */
const METADATA_COLUMNS = [
  'file_name',
  'row_id',
  'prompt',
  'model',
  'aspect_ratio',
  'resolution',
  'width',
  'height',
  'sha256',
] as const;

/** The columns that `failures.csv` adds after a row's own; dropped where a sheet with them is submitted. */
export const FAILURE_COLUMNS = [
  'failure_kind',
  'failure_phase',
  'failure_message',
  'failure_job_id',
  'failure_generations',
  'failure_charged',
  'failure_jobs',
  'failure_line',
  'failure_row',
  'failure_json',
] as const;

type ReportColumn = (typeof FAILURE_COLUMNS)[number] | (typeof REJECT_COLUMNS)[number];

/** The columns that `rejects.csv` adds after a record's own; dropped where a sheet with them is submitted. */
export const REJECT_COLUMNS = [
  'reject_line',
  'reject_column',
  'reject_value',
  'reject_rule',
  'reject_row',
  'reject_json',
] as const;

const JSON_CELL_COLUMNS = new Set<string>(['failure_json', 'reject_json'] satisfies readonly ReportColumn[]);

const REPORTED = new Set<string>([...FAILURE_COLUMNS, ...REJECT_COLUMNS]);
const RESERVED = new Set<string>([...INPUT_COLUMNS, ...METADATA_COLUMNS, ...REPORTED]);
const INPUTS = new Map<string, InputColumn>(INPUT_COLUMNS.map((column) => [column, column]));

/** The input column that a header names, in any case of letters and with spaces around it; undefined for a label. */
export function inputColumnOf(header: string): InputColumn | undefined {
  return INPUTS.get(header.trim().toLowerCase());
}

/** Whether a column was added by our own `failures.csv` or `rejects.csv`, and says nothing about the row itself. */
export function isReportColumn(header: string): boolean {
  return REPORTED.has(header.trim().toLowerCase());
}

/** Whether a column of our reports names, as a JSON list, the columns whose cells are JSON text in its record. */
export function isJsonCellsColumn(header: string): boolean {
  return JSON_CELL_COLUMNS.has(header.trim().toLowerCase());
}

/**
 * The name under which a carried column stands in metadata and failures: its own, with `input_` before it where it
 * would clash with a column of ours in any case of letters.
 */
export function metadataLabelName(label: string): string {
  return RESERVED.has(label.trim().toLowerCase()) ? `input_${label}` : label;
}
