import prettyBytes from 'pretty-bytes';
import { jsonAsText } from '../../domain/text/json.js';
import { hasChosenName } from '../../domain/images/image-name.js';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import type { PromptRow } from '../../domain/rows/row.js';
import { placeText } from '../../sheet/record-place.js';
import { labelsOf, shownInputs } from '../metadata-line.js';

/** A row as the contact sheet's script takes it: what its card says, and nothing else. */
export interface ContactSheetRow {
  readonly id: string;
  /** The name that was chosen for its image; absent where it is made of the id. */
  readonly name?: string;
  readonly line: number;
  /** Where the row is in its sheet, where that is more than the line. */
  readonly place?: string;
  readonly prompt: string;
  readonly facts: readonly string[];
  readonly image?: {
    /** Relative to the batch's root, ready for an address. */
    readonly link: string;
    /** Name of the thumbnail. */
    readonly thumbnail?: string;
    readonly width: number;
    readonly height: number;
    readonly size: string;
  };
  /** Why there is no image. */
  readonly none?: {
    readonly kind: 'failed' | 'cancelled';
    readonly title: string;
    readonly message: string;
    readonly used: string;
  };
  readonly jobs?: readonly string[];
  /** As metadata.jsonl shows them: without what signs URLs. */
  readonly inputs?: string;
  /** The carried columns that say something, as text. */
  readonly labels?: readonly (readonly [column: number, text: string])[];
}

/** What the card of a row says. `columnOf` numbers the carried columns. */
export function contactSheetRow(
  row: PromptRow,
  outcome: RowOutcome,
  columnOf: (name: string) => number,
): ContactSheetRow {
  const { end, generations } = outcome;
  const jobs = generations.flatMap(({ jobId }) => jobId ?? []);
  const labels = labelTexts(row).map(([name, text]) => [columnOf(name), text] as const);
  const size = end.kind === 'stored' ? [`${end.image.width} × ${end.image.height}`] : [];
  return {
    id: row.rowId,
    ...(hasChosenName(row) && { name: row.imageName }),
    line: row.line,
    ...(row.tableRow !== undefined && { place: placeText(row) }),
    prompt: row.prompt,
    facts: [row.model, row.aspectRatio, row.resolution, ...size],
    ...pictureOf(row, outcome),
    ...(jobs.length > 0 && { jobs }),
    ...(row.inputImages.length > 0 && { inputs: shownInputs(row.inputImages) }),
    ...(labels.length > 0 && { labels }),
  };
}

/** The carried columns that say something, by the names under which our files show them, as text. */
export function labelTexts(row: PromptRow): readonly (readonly [name: string, text: string])[] {
  return Object.entries(labelsOf(row))
    .map(([name, value]) => [name, jsonAsText(value)] as const)
    .filter(([, text]) => text !== '');
}

function pictureOf(row: PromptRow, outcome: RowOutcome): Pick<ContactSheetRow, 'image' | 'none'> {
  const { end, imageKey } = outcome;
  switch (end.kind) {
    case 'stored': {
      const { type, width, height, sizeBytes, sha256, thumbnail } = end.image;
      const link = linkToObject(imageKey ?? `images/train/${row.imageName}.${type}`);
      const size = prettyBytes(sizeBytes);
      return { image: { link, ...(thumbnail && { thumbnail: sha256 }), width, height, size } };
    }
    case 'failed':
      return noneOf(outcome, 'failed', `Failed: ${end.failure}`, end.message);
    case 'cancelled':
      return noneOf(outcome, 'cancelled', 'Cancelled', 'The batch was cancelled before this row was done.');
  }
}

function noneOf(
  outcome: RowOutcome,
  kind: 'failed' | 'cancelled',
  title: string,
  message: string,
): Pick<ContactSheetRow, 'none'> {
  return { none: { kind, title, message, used: spent(outcome) } };
}

/** What a row without an image used, as far as it is known. */
function spent({ generations }: RowOutcome): string {
  const used = generations.length;
  if (used === 0) return 'No job used';
  const charged = generations.filter((generation) => generation.charged === 'yes').length;
  const unknown = generations.filter((generation) => generation.charged === 'unknown').length;
  return [
    `${used} job${used === 1 ? '' : 's'} used`,
    charged > 0 ? `${charged} charged` : '',
    unknown > 0 ? `${unknown} with unknown charge` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/**
 * The link from a contact sheet to an object of its batch, by the object's key below the batch's root. Relative, so that
 * it works wherever the batch lies, in the bucket or in a folder; not yet escaped for HTML.
 */
export function linkToObject(key: string): string {
  // Half a surrogate pair has no UTF-8 form: in the bucket too it has become U+FFFD.
  return key
    .replaceAll(/\p{Surrogate}/gu, '\uFFFD')
    .split('/')
    .map(encodeURIComponent)
    .join('/');
}
