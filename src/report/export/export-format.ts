import type { ImageType } from '../../domain/rows/outcome.js';

/** The export formats. */
export const EXPORT_FORMATS = ['parquet', 'webdataset'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

interface FormatRules {
  readonly extension: string;
  readonly contentType: string;
  /** Readers refuse a shard with images of more than one type. */
  readonly oneTypeAShard: boolean;
  /** Approximate size of a row besides its image and its line of JSON. */
  readonly rowOverheadBytes: number;
}

const RULES: Readonly<Record<ExportFormat, FormatRules>> = {
  parquet: {
    extension: 'parquet',
    contentType: 'application/vnd.apache.parquet',
    oneTypeAShard: false,
    rowOverheadBytes: 64,
  },
  // Three files a row, each with a header and padding.
  webdataset: {
    extension: 'tar',
    contentType: 'application/x-tar',
    oneTypeAShard: true,
    rowOverheadBytes: 3 * 768,
  },
};

/** The rules for all shards of a format. */
export function rulesOf(format: ExportFormat): FormatRules {
  return RULES[format];
}

/** The sequence of shards that an image goes into. */
export function laneOf(format: ExportFormat, type: ImageType): string {
  return RULES[format].oneTypeAShard ? type : 'all';
}

/** A shard's file name as readers of either format expect it; `index` counts from 0. */
export function shardName(format: ExportFormat, index: number, count: number): string {
  return `train-${padded(index)}-of-${padded(count)}.${RULES[format].extension}`;
}

/** Whether a file's name is a result of `shardName`, in any format. */
export function isShardName(name: string): boolean {
  return /^train-\d{5,}-of-\d{5,}\.(parquet|tar)$/.test(name);
}

/** All shards of an export as a pattern that readers expand. */
export function shardPattern(format: ExportFormat, count: number): string {
  return `train-{${padded(0)}..${padded(count - 1)}}-of-${padded(count)}.${RULES[format].extension}`;
}

function padded(value: number): string {
  return String(value).padStart(5, '0');
}
