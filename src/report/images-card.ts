import type { LabelTypes } from '../domain/label-types.js';
import { metadataLabelName } from '../domain/reserved-columns.js';
import type { Tally } from '../domain/tally.js';
import type { RunRef } from '../storage/layout.js';
import type { CardCounts } from './card-counts.js';
import { datasetCard, type CardColumn } from './dataset-card.js';

const OWN_COLUMNS: readonly CardColumn[] = [
  { name: 'image', type: 'image' },
  ...['prompt', 'model', 'aspect_ratio', 'resolution'].map((name) => ({ name, type: 'string' })),
  ...['width', 'height'].map((name) => ({ name, type: 'int64' })),
  { name: 'sha256', type: 'string' },
];

/** The card of a batch's own `images/` folder, with which it can be put on the Hub as it is. */
export function imagesCard(
  { batchId, runSeq }: RunRef,
  { counts, tally, labels }: { readonly counts: CardCounts; readonly tally: Tally; readonly labels: LabelTypes },
): string {
  return datasetCard({
    batchId,
    runSeq,
    counts,
    tally,
    dataFiles: 'train/**',
    columns: [
      ...OWN_COLUMNS,
      ...labels.columns.map(({ label, type }) => ({ name: metadataLabelName(label), type })),
    ],
    layout:
      'The images are files in `train/`; `train/metadata.jsonl` has a line of columns for each, under its `file_name`.',
    loading: ['from datasets import load_dataset', '', 'data = load_dataset("PATH/TO/THIS/FOLDER", split="train")'],
  });
}
