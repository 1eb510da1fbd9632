import type { ExportColumn } from '../report/export/export-columns.js';

/** A column's type as Hugging Face `datasets` names it. */
export function huggingFaceType(type: ExportColumn['type']): string {
  return type === 'json' || type === 'mixed' ? 'string' : type;
}

/** The value of the key `huggingface` in a Parquet file, from which `datasets` takes the types of the columns. */
export function huggingFaceSchema(columns: readonly ExportColumn[]): string {
  const values = columns.map(
    ({ name, type }) => [name, { dtype: huggingFaceType(type), _type: 'Value' }] as const,
  );
  const features = Object.fromEntries<unknown>([['image', { _type: 'Image' }], ...values]);
  return JSON.stringify({ info: { features } });
}
