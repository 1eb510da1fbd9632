import {
  inputColumnOf,
  isJsonCellsColumn,
  isReportColumn,
  metadataLabelName,
  type InputColumn,
} from '../../domain/rows/columns.js';
import { columnsInstead, listColumns, SheetError, type LinePlace, type SheetPlace } from '../sheet-error.js';
import { momentInNames } from '../../domain/time/moment.js';
import type { SheetSettings } from '../sheet-settings.js';
import type { SheetColumns, LabelColumn } from './sheet-columns.js';
import {
  movedTemplate,
  parseTemplate,
  placeTemplate,
  type PlacedPart,
  type Template,
  type TemplateUse,
} from './template.js';
import { brokenTextRule, wholeText } from './whole-text.js';

type ColumnSettings = Pick<SheetSettings, 'map' | 'template' | 'name' | 'moment'>;

/** Place of `{{id}}` in a name's template: the row's id, which a row has even if its sheet gives none. */
export const ROW_ID_PLACE = -1;

/** Determines the columns of a record by the settings; throws SheetError. */
export type ColumnPlanner = (
  header: readonly string[],
  place: LinePlace,
  /** False for a JSON object that may lack columns; a complete one comes first. */
  isWhole: boolean,
) => SheetColumns;

/**
 * Determines the use of each column of a header, ignoring letter case and surrounding spaces.
 *
 * A `--map`ped column is used for ours, whatever its name, and is also carried under its own name; a template makes
 * the prompt column a label, and a template for names the file_name column. Columns added by our own reports are
 * dropped. In our own failures.csv neither map nor templates apply, since it has our columns, final prompts and final
 * names.
 *
 * The planner throws SheetError `duplicate-header`, `unknown-column` (a mapped or templated one), `no-prompt-column`,
 * and `bad-template` for a refused date or time; this function throws `bad-template` for unbalanced braces.
 */
export function columnPlanner(settings: ColumnSettings, sheet: string): ColumnPlanner {
  const { moment } = settings;
  const parsed = (text: string | undefined, use: TemplateUse): Template | undefined =>
    text === undefined ? undefined : parseTemplate(text, use, sheet);
  const template = parsed(settings.template, { flag: '--template', takesChoices: true, moment });
  const nameTemplate = parsed(settings.name, {
    flag: '--name',
    takesChoices: false,
    moment: momentInNames(moment),
  });
  let wholly: readonly PlacedPart[] | undefined;
  let whollyNamed: readonly PlacedPart[] | undefined;
  return (header, place, isWhole) => {
    const trimmed = header.map((name) => name.trim());
    if (isWhole) refuseBrokenNames(trimmed, place);
    refuseDuplicates(trimmed, place);
    const names = named(trimmed);
    const has = (column: string): boolean => trimmed.some((name) => name.toLowerCase() === column);
    const isFailures = has('failure_kind');
    const ours = ourColumns(trimmed, isFailures ? {} : settings.map, isWhole ? place : undefined);
    if (!isFailures && template) ours.delete('prompt');
    if (!isFailures && nameTemplate) ours.delete('file_name');
    if (isWhole && template && !isFailures) wholly = placeTemplate(template, names, place);
    const placed = wholly && !isFailures ? movedTemplate(wholly, names) : undefined;
    if (isWhole && nameTemplate && !isFailures)
      whollyNamed = placeTemplate(nameTemplate, [...names, 'id'], place);
    const placedName = whollyNamed && !isFailures ? namePlaces(whollyNamed, names) : undefined;
    if (isWhole && placed === undefined && !ours.has('prompt')) throw noPromptColumn(trimmed, place);
    const labels = names.flatMap((name, index) =>
      bearsItsName(ours, name, index) || isReportColumn(name)
        ? []
        : [{ index, name, isUnnamed: trimmed[index] === '' }],
    );
    refuseLabelClashes(labels, place);
    const isRejects = has('reject_rule');
    const rejectLine = isRejects ? trimmed.findIndex((name) => name.toLowerCase() === 'reject_line') : -1;
    const marking = isWhole && (isFailures || isRejects) ? trimmed.findIndex(isJsonCellsColumn) : -1;
    // A later object of JSON Lines may have keys that this one lacks.
    const mayName = !isWhole || placedName !== undefined || ours.has('file_name');
    const prompt = ours.get('prompt');
    const promptParts = placed ? placesIn(placed) : prompt === undefined ? [] : [prompt];
    return {
      names,
      ours,
      labels,
      template: placed,
      nameTemplate: placedName,
      mayName,
      isFailures,
      isRejects,
      rejectLine: rejectLine === -1 ? undefined : rejectLine,
      promptParts,
      read: [...new Set([...ours.values(), ...promptParts, ...placesIn(placedName ?? [])])],
      foldedNames: new Set(trimmed.filter((name) => name !== '').map((name) => name.toLowerCase())),
      longestName: trimmed.reduce((longest, name) => Math.max(longest, name.length), 0),
      hasBrokenName: !isWhole && trimmed.some((name) => brokenTextRule(name) !== undefined),
      jsonCells: marking === -1 ? undefined : marking,
    };
  };
}

/** Whether a column is ours and has our name: then our files show its content under that name. */
function bearsItsName(ours: ReadonlyMap<InputColumn, number>, name: string, index: number): boolean {
  const column = inputColumnOf(name);
  return column !== undefined && ours.get(column) === index;
}

/** The places of a template's columns that a record has. */
function placesIn(parts: readonly PlacedPart[]): readonly number[] {
  return parts.flatMap((part) =>
    part.kind === 'column' && part.index !== undefined && part.index !== ROW_ID_PLACE ? [part.index] : [],
  );
}

function refuseBrokenNames(trimmed: readonly string[], place: SheetPlace): void {
  for (const [index, name] of trimmed.entries()) {
    const rule = brokenTextRule(name);
    if (rule === undefined) continue;
    throw new SheetError(
      'broken-header',
      place,
      `the name of column ${index + 1}, ${JSON.stringify(wholeText(name).slice(0, 60))}, is not allowed: ${rule}. Rename it`,
    );
  }
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
        `columns ${earlier + 1} and ${index + 1} have the same name ${JSON.stringify(name)} (letter case does not count). Rename or remove one of them`,
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
  required: SheetPlace | undefined,
): Map<InputColumn, number> {
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
        `--map ${column}=${theirs} names a column that the sheet does not have. ${columnsInstead(theirs.trim(), trimmed)}`,
      );
    }
  }
  for (const [index, name] of trimmed.entries()) {
    const column = inputColumnOf(name);
    if (column === undefined || mapped.has(index) || map[column] !== undefined) continue;
    ours.set(column, index);
  }
  return ours;
}

function namePlaces(parts: readonly PlacedPart[], names: readonly string[]): readonly PlacedPart[] {
  return movedTemplate(parts, names).map((part) => {
    if (part.kind !== 'column' || part.column.toLowerCase() !== 'id') return part;
    const { kind, column, otherwise } = part;
    return { kind, column, index: ROW_ID_PLACE, otherwise };
  });
}

/** Column names that usually mean the prompt, best first. */
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
    `no column is called "prompt". Its columns: ${listColumns(trimmed)}. Name the column with the prompts by --map ${flag}, or make prompts from several columns by --template "a photo of {{column}}"; if the columns look wrong, set --delimiter`,
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
        `the columns ${JSON.stringify(earlier)} and ${JSON.stringify(name)} would both be copied to the results as ${JSON.stringify(target)}. Rename one of them`,
      );
    }
    written.set(target, name);
  }
}
