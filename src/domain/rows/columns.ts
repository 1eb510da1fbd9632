/** The columns with a meaning to us; all others are carried as labels. In the order in which we write them. */
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

/** Our columns in `images/train/metadata.jsonl`, in order; labels follow. */
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

/** The columns that `failures.csv` adds after a row's own; dropped if such a file is submitted as a sheet. */
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

/** The columns that `rejects.csv` adds after a record's own; dropped if such a file is submitted as a sheet. */
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

/** The input column that a header names, ignoring letter case and surrounding spaces; undefined for a label. */
export function inputColumnOf(header: string): InputColumn | undefined {
  return INPUTS.get(header.trim().toLowerCase());
}

/** Whether our own `failures.csv` or `rejects.csv` added a column, which then says nothing about the row itself. */
export function isReportColumn(header: string): boolean {
  return REPORTED.has(header.trim().toLowerCase());
}

/** Whether a column of our reports lists, as JSON, the columns whose cells in its record are JSON text. */
export function isJsonCellsColumn(header: string): boolean {
  return JSON_CELL_COLUMNS.has(header.trim().toLowerCase());
}

/** The name of a carried column in metadata and failures: its own, with the prefix `input_` if it equals a column of ours, ignoring letter case. */
export function metadataLabelName(label: string): string {
  return RESERVED.has(label.trim().toLowerCase()) ? `input_${label}` : label;
}
