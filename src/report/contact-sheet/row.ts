import prettyBytes from 'pretty-bytes';
import { jsonAsText } from '../../domain/text/json.js';
import { hasChosenName } from '../../domain/images/image-name.js';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import type { PromptRow } from '../../domain/rows/row.js';
import { placeText } from '../../sheet/record-place.js';
import { labelsOf, shownInputs } from '../metadata-line.js';

/** A row in the form of the contact sheet's script: only the content of its card. */
export interface ContactSheetRow {
  readonly id: string;
  /** The chosen name of its image; absent if derived from the id. */
  readonly name?: string;
  readonly line: number;
  /** The row's place in its sheet if that is more than the line. */
  readonly place?: string;
  readonly prompt: string;
  readonly facts: readonly string[];
  readonly image?: {
    /** Relative to the batch's root, URL-encoded. */
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
  /** As in metadata.jsonl: without URL signatures. */
  readonly inputs?: string;
  /** The non-empty carried columns, as text. */
  readonly labels?: readonly (readonly [column: number, text: string])[];
}

/** The content of a row's card. `columnOf` maps carried columns to indexes. */
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

/** The non-empty carried columns as text, by their names in our files. */
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

/** What a row without an image used, as far as known. */
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
 * The link from a contact sheet to an object of its batch, by the object's key below the batch's root. Relative, so
 * that it works in the bucket and in a folder; not yet escaped for HTML.
 */
export function linkToObject(key: string): string {
  // A lone surrogate has no UTF-8 form: in the bucket too it has become U+FFFD.
  return key
    .replaceAll(/\p{Surrogate}/gu, '\uFFFD')
    .split('/')
    .map(encodeURIComponent)
    .join('/');
}
