import { jsonAsText } from '../../domain/text/json.js';
import { INPUT_COLUMNS, metadataLabelName, type InputColumn } from '../../domain/rows/columns.js';
import type { GivenCells, PromptRow } from '../../domain/rows/row.js';

/**
 * The cells of the batch's own sheet for a row that our failures.csv has corrected: that file has final settings
 * instead of the sheet's cells, so only what differs from before was written by a person.
 */
export function givenAfter(before: PromptRow, corrected: PromptRow): Pick<PromptRow, 'given' | 'labelTexts'> {
  const labelTexts = textsAfter(before, corrected);
  const isAny = Object.keys(labelTexts).length > 0;
  return { given: cellsAfter(before, corrected), ...(isAny && { labelTexts }) };
}

/** That file has numbers in JSON's notation: unchanged ones keep their earlier notation. */
function textsAfter(before: PromptRow, corrected: PromptRow): Readonly<Record<string, string>> {
  const same = Object.entries(before.labelTexts ?? {}).flatMap(([label, text]) => {
    const name = metadataLabelName(label);
    const isSame = jsonAsText(before.labels[label]) === jsonAsText(corrected.labels[name]);
    return isSame ? [[name, text] as const] : [];
  });
  return { ...Object.fromEntries(same), ...corrected.labelTexts };
}

function cellsAfter(before: PromptRow, corrected: PromptRow): GivenCells {
  const cells = INPUT_COLUMNS.flatMap((column) => {
    const isSame = saidIn(column, before) === saidIn(column, corrected);
    const cell = (isSame ? before : corrected).given?.[column];
    return cell === undefined ? [] : [[column, cell] as const];
  });
  return Object.fromEntries(cells);
}

/** The cell of a row in a column; empty if the column only decides which rows its record becomes. */
function saidIn(column: InputColumn, row: PromptRow): string {
  switch (column) {
    case 'prompt':
      return row.prompt;
    case 'model':
      return row.model;
    case 'aspect_ratio':
      return row.aspectRatio;
    case 'resolution':
      return row.resolution;
    case 'input_images':
      return row.inputImages.join(' ');
    case 'file_name':
      return row.imageName;
    case 'id':
    case 'count':
      return '';
  }
}
