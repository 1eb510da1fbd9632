import { cellOf, type Cell, type ColumnType, type LabelTypes } from '../../domain/rows/label-types.js';
import { metadataLabelName } from '../../domain/rows/columns.js';
import type { ExportRow } from './export-row.js';

/** A column of an export besides the image itself. */
export interface ExportColumn {
  readonly name: string;
  readonly type: ColumnType | 'int32';
  /** Its carried column; undefined for one of ours. */
  readonly label?: string;
}

const OWN_COLUMNS = [
  { name: 'prompt', type: 'string', cell: ({ prompt }) => prompt },
  { name: 'model', type: 'string', cell: ({ model }) => model },
  { name: 'aspect_ratio', type: 'string', cell: ({ aspectRatio }) => aspectRatio },
  { name: 'resolution', type: 'string', cell: ({ resolution }) => resolution },
  { name: 'input_images', type: 'string', cell: ({ inputImages = '' }) => inputImages },
  { name: 'width', type: 'int32', cell: ({ image }) => image.width },
  { name: 'height', type: 'int32', cell: ({ image }) => image.height },
  { name: 'sha256', type: 'string', cell: ({ image }) => image.sha256 },
  { name: 'file_name', type: 'string', cell: ({ fileName }) => fileName },
  { name: 'row_id', type: 'string', cell: ({ rowId }) => rowId },
] as const satisfies readonly (ExportColumn & { readonly cell: (row: ExportRow) => Cell })[];

const OWN_CELLS = new Map<string, (row: ExportRow) => Cell>(
  OWN_COLUMNS.map(({ name, cell }) => [name, cell]),
);

/**
 * All columns in order: ours, `input_images` only if rows have any, then the carried ones. A carried column that
 * clashes with an earlier one gets the prefix `input_`, as in metadata.jsonl.
 */
export function exportColumns(labels: LabelTypes, hasInputs: boolean): readonly ExportColumn[] {
  const own = OWN_COLUMNS.filter(({ name }) => hasInputs || name !== 'input_images').map(
    ({ name, type }): ExportColumn => ({ name, type }),
  );
  const taken = new Set(['image', ...own.map(({ name }) => name)]);
  const carried = labels.columns.map(({ label, type }): ExportColumn => {
    let name = metadataLabelName(label);
    while (name === '' || taken.has(name) || taken.has(name.trim().toLowerCase())) name = `input_${name}`;
    taken.add(name);
    return { name, type, label };
  });
  return [...own, ...carried];
}

/** The values of a row in the columns, in order. */
export function cellsOf(columns: readonly ExportColumn[], row: ExportRow): readonly Cell[] {
  const labels = new Map(Object.entries(row.labels));
  return columns.map(({ name, type, label }) => {
    if (label === undefined) return OWN_CELLS.get(name)?.(row) ?? null;
    return type === 'int32' ? null : cellOf(type, labels.get(label));
  });
}

/** A column's type in Hugging Face `datasets`. */
export function huggingFaceType(type: ExportColumn['type']): string {
  return type === 'json' || type === 'mixed' ? 'string' : type;
}

/** The value of the key `huggingface` in a Parquet file, from which `datasets` reads the types of the columns. */
export function huggingFaceSchema(columns: readonly ExportColumn[]): string {
  const values = columns.map(
    ({ name, type }) => [name, { dtype: huggingFaceType(type), _type: 'Value' }] as const,
  );
  const features = Object.fromEntries<unknown>([['image', { _type: 'Image' }], ...values]);
  return JSON.stringify({ info: { features } });
}
