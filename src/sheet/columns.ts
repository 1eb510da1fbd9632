import {
  inputColumnOf,
  isJsonCellsColumn,
  isReportColumn,
  metadataLabelName,
  type InputColumn,
} from '../domain/reserved-columns.js';
import { listColumns, SheetError, type SheetPlace } from './sheet-error.js';
import type { SheetSettings } from './sheet-settings.js';
import { parseTemplate, placeTemplate, type PlacedPart, type TemplatePart } from './template.js';

/** What the columns of a record are for, by their places. */
export interface SheetColumns {
  /** As in the sheet, trimmed; `column_7` for one without a name. */
  readonly names: readonly string[];
  readonly ours: ReadonlyMap<InputColumn, number>;
  readonly labels: readonly LabelColumn[];
  /** Makes the prompt, instead of a prompt column. */
  readonly template: readonly PlacedPart[] | undefined;
  /** The sheet is our own failures.csv: ids are final, prompts are made. */
  readonly isFailures: boolean;
  /** The sheet is our own rejects.csv. */
  readonly isRejects: boolean;
  /** The place of the column in our own reports that says which cells are JSON text; undefined where there is none. */
  readonly jsonCells: number | undefined;
}

/** A column that is carried along. */
export interface LabelColumn {
  readonly index: number;
  readonly name: string;
  /** It has no name in the sheet: it counts only where a cell has something in it. */
  readonly isUnnamed: boolean;
}

type ColumnSettings = Pick<SheetSettings, 'map' | 'template'>;

/** Columns of a record by the settings; throws SheetError. */
export type ColumnPlanner = (
  header: readonly string[],
  place: Required<SheetPlace>,
  /** False for one JSON object among others, which may leave columns out. */
  isWhole: boolean,
) => SheetColumns;

/**
 * Says what each column of a header is for, without regard to case and spaces around names.
 *
 * A `--map`ped column stands for ours, whatever it is called; with a template the prompt column is a label.
 * `file_name` is carried as a label. Columns that our own reports add are dropped. In our own failures.csv neither
 * map nor template applies, since it has our columns and final prompts.
 *
 * The planner throws SheetError `duplicate-header`, `unknown-column` (a mapped or templated one), `no-prompt-column`;
 * this function `bad-template`.
 */
export function columnPlanner(settings: ColumnSettings, sheet: string): ColumnPlanner {
  const template = settings.template === undefined ? undefined : parseTemplate(settings.template, sheet);
  return (header, place, isWhole) => {
    const trimmed = header.map((name) => name.trim());
    refuseDuplicates(trimmed, place);
    const names = named(trimmed);
    const has = (column: string): boolean => trimmed.some((name) => name.toLowerCase() === column);
    const isFailures = has('failure_kind');
    const ours = ourColumns(
      trimmed,
      isFailures ? {} : settings.map,
      !isFailures && template !== undefined,
      isWhole ? place : undefined,
    );
    const placed = isFailures ? undefined : placedTemplate(template, names, isWhole ? place : undefined);
    if (isWhole && placed === undefined && !ours.has('prompt')) throw noPromptColumn(trimmed, place);
    const taken = new Set(ours.values());
    const labels = names.flatMap((name, index) =>
      taken.has(index) || isReportColumn(name) ? [] : [{ index, name, isUnnamed: trimmed[index] === '' }],
    );
    refuseLabelClashes(labels, place);
    const isRejects = has('reject_rule');
    const marking = isWhole && (isFailures || isRejects) ? trimmed.findIndex(isJsonCellsColumn) : -1;
    const jsonCells = marking === -1 ? undefined : marking;
    return { names, ours, labels, template: placed, isFailures, isRejects, jsonCells };
  };
}

function refuseDuplicates(trimmed: readonly string[], place: SheetPlace): void {
  const first = new Map<string, number>();
  for (const [index, name] of trimmed.entries()) {
    if (name === '') continue;
    const earlier = first.get(name.toLowerCase());
    if (earlier !== undefined) {
      throw new SheetError(
        'duplicate-header',
        place,
        `columns ${earlier + 1} and ${index + 1} are both called ${JSON.stringify(name)} (letter case does not count). Rename or remove one of them`,
      );
    }
    first.set(name.toLowerCase(), index);
  }
}

function named(trimmed: readonly string[]): readonly string[] {
  const used = new Set(trimmed.map((name) => name.toLowerCase()));
  return trimmed.map((name, index) => {
    if (name !== '') return name;
    let made = `column_${index + 1}`;
    while (used.has(made)) made = `${made}_`;
    return made;
  });
}

function ourColumns(
  trimmed: readonly string[],
  map: ColumnSettings['map'],
  hasTemplate: boolean,
  required: SheetPlace | undefined,
): ReadonlyMap<InputColumn, number> {
  const places = new Map(trimmed.map((name, index) => [name.toLowerCase(), index]));
  const ours = new Map<InputColumn, number>();
  const mapped = new Set<number>();
  for (const [name, theirs] of Object.entries(map)) {
    const column = inputColumnOf(name);
    if (column === undefined) continue;
    const index = places.get(theirs.trim().toLowerCase());
    if (index !== undefined) {
      ours.set(column, index);
      mapped.add(index);
    } else if (required !== undefined) {
      throw new SheetError(
        'unknown-column',
        required,
        `--map ${column}=${theirs} names a column that the sheet does not have. Its columns: ${listColumns(trimmed)}`,
      );
    }
  }
  for (const [index, name] of trimmed.entries()) {
    const column = inputColumnOf(name);
    if (column === undefined || mapped.has(index) || map[column] !== undefined) continue;
    ours.set(column, index);
  }
  // A name for the image is carried along: it does not name the image.
  ours.delete('file_name');
  if (hasTemplate) ours.delete('prompt');
  return ours;
}

function placedTemplate(
  template: readonly TemplatePart[] | undefined,
  names: readonly string[],
  required: Required<SheetPlace> | undefined,
): readonly PlacedPart[] | undefined {
  return template === undefined ? undefined : placeTemplate(template, names, required);
}

/** Column names that usually hold the prompt, best first. */
const PROMPT_LIKE = [/prompt/i, /caption/i, /^text$/i, /descri/i, /text|title|subject/i];

function noPromptColumn(trimmed: readonly string[], place: SheetPlace): SheetError {
  const candidates = trimmed.filter(
    (name) => name !== '' && inputColumnOf(name) === undefined && !isReportColumn(name),
  );
  const alike = PROMPT_LIKE.flatMap((pattern) => candidates.filter((name) => pattern.test(name)));
  const guess = alike[0] ?? candidates[0] ?? 'Caption';
  const mapping = `prompt=${guess}`;
  const flag = /^[\w=.-]+$/.test(mapping) ? mapping : JSON.stringify(mapping);
  return new SheetError(
    'no-prompt-column',
    place,
    `no column is called "prompt". Its columns: ${listColumns(trimmed)}. Say which one holds the prompts with --map ${flag}, or make them of several with --template "a photo of {{column}}"; if the columns look wrong, set --delimiter`,
  );
}

function refuseLabelClashes(labels: readonly LabelColumn[], place: SheetPlace): void {
  const written = new Map<string, string>();
  for (const { name } of labels) {
    const target = metadataLabelName(name);
    const earlier = written.get(target);
    if (earlier !== undefined) {
      throw new SheetError(
        'duplicate-header',
        place,
        `the columns ${JSON.stringify(earlier)} and ${JSON.stringify(name)} would both be carried as ${JSON.stringify(target)}. Rename one of them`,
      );
    }
    written.set(target, name);
  }
}
