import { LabelTypes } from '../domain/rows/label-types.js';
import type { StoredEnd } from '../domain/rows/outcome.js';
import { metadataLabelName } from '../domain/rows/columns.js';
import type { PromptRow } from '../domain/rows/row.js';
import type { Tally } from '../domain/batch/tally.js';
import type { RunRef } from '../storage/layout.js';
import { CardCounts } from './card-counts.js';
import { datasetCard, type CardColumn } from './dataset-card.js';

const TEXT_COLUMNS = ['row_id', 'prompt', 'model', 'aspect_ratio', 'resolution'];

function ownColumns(hasInputs: boolean): readonly CardColumn[] {
  const texts = hasInputs ? [...TEXT_COLUMNS, 'input_images'] : TEXT_COLUMNS;
  return [
    { name: 'image', type: 'image' },
    ...texts.map((name) => ({ name, type: 'string' })),
    ...['width', 'height'].map((name) => ({ name, type: 'int64' })),
    { name: 'sha256', type: 'string' },
  ];
}

/** Collects the card of a batch's own `images/` folder, with which the folder can be uploaded to the Hub as it is. */
export class ImagesCard {
  readonly #counts = new CardCounts();
  readonly #labels: LabelTypes;
  readonly #own: readonly CardColumn[];

  /** `labelColumns`: the carried columns in sheet order; `hasInputs`: whether rows have input images. */
  constructor({
    labelColumns,
    hasInputs,
  }: {
    readonly labelColumns: readonly string[];
    readonly hasInputs: boolean;
  }) {
    this.#labels = new LabelTypes(labelColumns);
    this.#own = ownColumns(hasInputs);
  }

  /** Adds a stored row. */
  add(row: PromptRow, { image }: StoredEnd): void {
    this.#counts.add({ ...row, image });
    this.#labels.note(row.labels);
  }

  /** `metadataSha256` is that of the `metadata.jsonl` beside the images. */
  text({ batchId, runSeq }: RunRef, tally: Tally, metadataSha256: string): string {
    const carried = this.#labels.columns.map(({ label, type }) => ({ name: metadataLabelName(label), type }));
    return datasetCard({
      batchId,
      runSeq,
      content: `metadata ${metadataSha256}`,
      counts: this.#counts,
      tally,
      dataFiles: 'train/**',
      columns: [...this.#own, ...carried],
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
