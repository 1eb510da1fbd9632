import { LabelTypes } from '../domain/label-types.js';
import type { StoredEnd } from '../domain/outcome.js';
import { metadataLabelName } from '../domain/reserved-columns.js';
import type { PromptRow } from '../domain/row.js';
import type { Tally } from '../domain/tally.js';
import type { RunRef } from '../storage/layout.js';
import { CardCounts } from './card-counts.js';
import { datasetCard, type CardColumn } from './dataset-card.js';

const OWN_COLUMNS: readonly CardColumn[] = [
  { name: 'image', type: 'image' },
  ...['prompt', 'model', 'aspect_ratio', 'resolution'].map((name) => ({ name, type: 'string' })),
  ...['width', 'height'].map((name) => ({ name, type: 'int64' })),
  { name: 'sha256', type: 'string' },
];

/** Collects the card of a batch's own `images/` folder, with which that can be put on the Hub as it is. */
export class ImagesCard {
  readonly #counts = new CardCounts();
  readonly #labels: LabelTypes;

  /** `labelColumns`: the carried columns in the order of the sheet. */
  constructor(labelColumns: readonly string[]) {
    this.#labels = new LabelTypes(labelColumns);
  }

  /** Takes a stored row. */
  add(row: PromptRow, { image }: StoredEnd): void {
    this.#counts.add({ ...row, image });
    this.#labels.note(row.labels);
  }

  text({ batchId, runSeq }: RunRef, tally: Tally): string {
    const carried = this.#labels.columns.map(({ label, type }) => ({ name: metadataLabelName(label), type }));
    return datasetCard({
      batchId,
      runSeq,
      counts: this.#counts,
      tally,
      dataFiles: 'train/**',
      columns: [...OWN_COLUMNS, ...carried],
      layout:
        'The images are files in `train/`; `train/metadata.jsonl` has a line of columns for each, under its `file_name`.',
      loading: [
        'from datasets import load_dataset',
        '',
        'data = load_dataset("PATH/TO/THIS/FOLDER", split="train")',
      ],
    });
  }
}
