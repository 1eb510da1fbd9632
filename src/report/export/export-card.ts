import { createHash } from 'node:crypto';
import type { Report } from '../../ledger/documents.js';
import { datasetCard, type CardColumn } from '../dataset-card.js';
import { type ExportColumn, huggingFaceType } from './export-columns.js';
import { shardPattern } from './export-format.js';
import { missingIn, type ExportManifest } from './export-manifest.js';
import type { ExportPlan } from './export-plan.js';

/** The card of an export. */
export function exportCard(
  plan: ExportPlan,
  manifest: ExportManifest,
  { tally, digests }: Pick<Report, 'tally' | 'digests'>,
): string {
  const facts = {
    batchId: manifest.batchId,
    runSeq: manifest.runSeq,
    content: contentOf(manifest, digests),
    counts: plan.counts,
    tally,
    damaged: missingIn(manifest).length,
  };
  const count = plan.shards.length;
  switch (manifest.exportFormat) {
    case 'parquet':
      return datasetCard({
        ...facts,
        dataFiles: 'train-*.parquet',
        columns: [{ name: 'image', type: 'image' }, ...plan.columns.map(cardColumn)],
        layout: `The images, byte for byte as they were made, and their columns are embedded in ${shards(count)} of Parquet.`,
        loading: [
          'from datasets import load_dataset',
          '',
          'data = load_dataset("PATH/TO/THIS/FOLDER", split="train")',
        ],
      });
    case 'webdataset':
      return datasetCard({
        ...facts,
        dataFiles: 'train-*.tar',
        header: { dataset_info: { features: tarFeatures(plan) } },
        columns: [
          ...imageTypes(plan).map((name) => ({ name, type: 'image' })),
          { name: 'txt', type: 'string: the prompt' },
          ...plan.columns.map((column) => cardColumn({ ...column, name: `json.${column.name}` })),
        ],
        layout: `Each sample is an image, byte for byte as it was made, with a \`.txt\` (the prompt) and a \`.json\` (all columns) beside it, in ${shards(count)} of tar.${typeNote(plan)}`,
        loading: [
          'import webdataset as wds',
          '',
          `data = wds.WebDataset("PATH/TO/THIS/FOLDER/${shardPattern('webdataset', count)}").decode("pil").rename(image="png;jpg;webp", text="txt", json="json")`,
          '',
          '# or, with the types of the header above',
          'from datasets import load_dataset',
          '',
          'data = load_dataset("PATH/TO/THIS/FOLDER", split="train")',
        ],
      });
  }
}

/** Identifies the data by the batch's metadata, and by the shards, which depend on the options and on what was readable. */
function contentOf({ shards: written }: ExportManifest, digests: Report['digests']): string {
  const data = createHash('sha256');
  for (const { name, sha256 } of written) data.update(`${name} ${sha256}\n`);
  return `metadata ${digests['images/train/metadata.jsonl'] ?? 'unknown'}, data ${data.digest('hex')}`;
}

function shards(count: number): string {
  return count === 1 ? 'one shard' : `${count} shards`;
}

const NOTES: Readonly<Partial<Record<ExportColumn['type'], string>>> = {
  json: 'string: lists and objects as JSON text',
  mixed: 'string: values of several kinds, all but text as JSON text',
};

function cardColumn({ name, type }: Pick<ExportColumn, 'name' | 'type'>): CardColumn {
  return { name, type: NOTES[type] ?? type };
}

function imageTypes({ shards: planned }: ExportPlan): readonly string[] {
  return [...new Set(planned.flatMap(({ imageType }) => imageType ?? []))];
}

/** For images of several types: which shards have which. */
function typeNote(plan: ExportPlan): string {
  const types = imageTypes(plan);
  if (types.length < 2) return '';
  const ranges = types.map((type) => {
    const names = plan.shards.filter(({ imageType }) => imageType === type).map(({ name }) => name);
    const [first = '', last = ''] = [names[0], names.at(-1)];
    return first === last ? `\`${first}\` holds ${type}` : `\`${first}\` to \`${last}\` hold ${type}`;
  });
  return ` A shard has images of one type: ${ranges.join(', ')}.`;
}

/** The types of a sample's fields: a reader would guess them from its first few samples, whose columns may be empty. */
function tarFeatures(plan: ExportPlan): readonly unknown[] {
  return [
    ...imageTypes(plan).map((name) => ({ name, dtype: 'image' })),
    {
      name: 'json',
      struct: plan.columns.map(({ name, type }) => ({ name, dtype: huggingFaceType(type) })),
    },
    { name: 'txt', dtype: 'string' },
    { name: '__key__', dtype: 'string' },
    { name: '__url__', dtype: 'string' },
  ];
}
