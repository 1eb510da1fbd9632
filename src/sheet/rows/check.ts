import { contentHash } from '../../domain/identity/content-hash.js';
import { modeWith } from '../../domain/rows/generation-settings.js';
import { IdLines } from '../../domain/identity/id-lines.js';
import type { RowId } from '../../domain/rows/ids.js';
import { identityOfInput } from '../../domain/rows/input-image.js';
import type { JsonValue } from '../../domain/text/json.js';
import { imageNameOf } from '../../domain/images/image-name.js';
import { placesText, RecordPlaces } from '../record-place.js';
import type { InputColumn } from '../../domain/rows/columns.js';
import type { GivenCells, PromptRow, RejectedRecord, Repeat, SkippedRecord } from '../../domain/rows/row.js';
import { KEEP_AS_TEXT, isScientific } from '../cells/rewritten-id.js';
import { brokenRowIdRule, formerRowId, RowIds } from '../../domain/identity/row-id.js';
import { TakenNames } from '../../domain/images/taken-names.js';
import { MAX_BATCH_ROWS } from '../../domain/batch/window.js';
import {
  BrokenRule,
  cellText,
  checkAspectRatio,
  checkCount,
  checkModel,
  checkResolution,
  type Checked,
} from '../cells/cells.js';
import { cellOf, textOf, type Cell } from '../cells/cell.js';
import { refuseFormulas } from '../cells/formula-cell.js';
import { cellTextOf, labelTextsOf } from './cell-texts.js';
import { chosenNames, takenNameRule, type ChosenNames } from './chosen-names.js';
import type { SheetColumns } from '../cells/sheet-columns.js';
import { inputImagesOf, publicInputs, type InputImages } from './input-images.js';
import { leftOut, rejection } from './left-out.js';
import type { SourceRecord } from '../source-record.js';
import { promptsOf } from './prompts.js';
import { fittedRecord, isBlankRow } from '../cells/record-shape.js';
import { SheetError, type LinePlace } from '../sheet-error.js';
import { withMoment } from './with-moment.js';
import type { SheetSettings } from '../sheet-settings.js';
import { stayingRows, type StayingRows } from './staying-rows.js';
import { refuseBrokenText } from '../cells/whole-text.js';

/** The result of checking one record. */
export type CheckedRecord =
  | ({
      readonly kind: 'accepted';
      /** One for each image; `position` counts over the whole sheet. */
      readonly rows: readonly PromptRow[];
      readonly own: OwnIdentity;
    } & Partial<Repeat>)
  | {
      /** Left out as requested, since it is identical to an earlier one. */
      readonly kind: 'skipped';
      readonly skipped: SkippedRecord;
    }
  /** Left out, since it is empty. */
  | { readonly kind: 'blank' }
  | RejectedItem;

/** How a record identifies itself. */
export interface OwnIdentity {
  /** Its id in the sheet; undefined if its rows get derived ids. */
  readonly id: string | undefined;
  /** For a record of our own rejects.csv: the line on which it was rejected; otherwise undefined. */
  readonly rejectedLine: number | undefined;
}

/** A record that breaks a rule, and the rows of the batch that stay unchanged because its intent is unknown. */
export interface RejectedItem {
  readonly kind: 'rejected';
  readonly rejected: RejectedRecord;
  readonly stays?: StayingRows;
}

/** Checks one sheet's records in order: ids and positions depend on earlier ones. */
export type RecordChecker = (record: SourceRecord, columns: SheetColumns) => CheckedRecord;

type CheckSettings = Pick<SheetSettings, 'defaults' | 'imagesPerPrompt' | 'seed' | 'duplicates' | 'moment'>;

/**
 * A checker for one pass over one sheet. It accepts a record, skips it or rejects it with column, value and rule; it
 * never throws because of a record's content. More images than a batch may have throw SheetError `too-many-rows`.
 * `refusedNames` are rules that names break for reasons outside of the sheet, by the lines of their records; `inputs`
 * has checked all files and objects that the records name as input images.
 */
export function recordChecker(
  settings: CheckSettings,
  sheet: string,
  {
    refusedNames = new Map<number, string>(),
    mostRows = MAX_BATCH_ROWS,
    inputs,
  }: {
    readonly refusedNames?: ReadonlyMap<number, string> | undefined;
    readonly mostRows?: number;
    readonly inputs?: InputImages | undefined;
  } = {},
): RecordChecker {
  const rowIds = new RowIds();
  const takenNames = new TakenNames();
  /** By content, for records that may have duplicates. */
  const firstLines = new IdLines();
  const places = new RecordPlaces();
  let position = 0;

  return (asRead, columns) => {
    let record = asRead;
    places.note(asRead);
    try {
      refuseBrokenText(asRead, columns);
      record = fittedRecord(asRead, columns, sheet);
      if (isBlankRow(record, columns)) return { kind: 'blank' };
      // Before any other rule, so that rejects.csv too has the values of this reading, whoever submits it and when.
      record = withMoment(record, columns, settings.moment);
      const checked = checkedRecord(record, columns, asRead);
      if (checked.kind === 'accepted') position += checked.rows.length;
      return checked;
    } catch (error) {
      if (!(error instanceof BrokenRule)) throw error;
      const stays = stayingRows(record, columns, error);
      const rejected = { ...leftOut(record, columns, position, error.fault), ...rejection(error) };
      return { kind: 'rejected', rejected, ...(stays && { stays }) };
    }
  };

  function checkedRecord(record: SourceRecord, columns: SheetColumns, asRead: SourceRecord): CheckedRecord {
    refuseFormulas(record, columns);
    const cell = (column: InputColumn): Cell => cellOf(record, columns, column);
    const prompts = promptsOf(record, columns, settings.seed);
    const model = good(cell('model'), (text) => checkModel(text, settings.defaults.model));
    const inputImages = inputImagesOf(cell('input_images'), { model, inputs });
    const mode = modeWith(inputImages);
    const aspectRatio = good(cell('aspect_ratio'), (text) =>
      checkAspectRatio(text, { model, mode }, settings.defaults.aspectRatio),
    );
    const resolution = good(cell('resolution'), (text) =>
      checkResolution(text, model, settings.defaults.resolution),
    );
    const count = good(cell('count'), (text) => checkCount(text, settings.imagesPerPrompt));

    const identities = inputImages.map(identityOfInput);
    const hashOf = (prompt: string) =>
      contentHash({ prompt, model, aspectRatio, resolution, inputImages: identities });
    const hash = hashOf(prompts.written);
    const idCell = cell('id');
    const id = good(idCell, (text) => checkId(text, columns));
    const { line, tableRow } = record;
    const answer = rowIds.give({ id, prompt: prompts.plain, contentHash: hash, count, line });
    if (answer.kind === 'taken') {
      throw new BrokenRule(
        idCell.name,
        answer.rowId,
        `id ${JSON.stringify(answer.rowId)} is used twice (${placesText(places.at(answer.firstLine), record)}). Change one of them`,
      );
    }
    const { base } = answer;
    // The choices of a row stay the same if its derived id has changed form.
    const drawnBy = (id === undefined ? formerRowId(base) : undefined) ?? base;
    const chosen = chosenNames(record, columns, answer.rowIds);
    // A row with its own id or image name is intended, even if everything else is identical.
    const mayRepeat = id === undefined && chosen.kind === 'none';
    const repeat = mayRepeat ? repeatOf(firstLines.lineOf(hash)) : undefined;
    if (repeat && settings.duplicates === 'skip') {
      return { kind: 'skipped', skipped: { ...leftOut(record, columns, position), ...repeat } };
    }
    if (position + count > mostRows) throw tooManyRows({ sheet, line, tableRow }, mostRows);
    const names = imageNames(chosen, record, columns, answer.rowIds);
    // Only now, since other records are not duplicates of a rejected one.
    if (mayRepeat) firstLines.claim(hash, line);
    const labels = labelsOf(record, columns);
    const texts = labelTextsOf(record, columns);
    const rows = answer.rowIds.map((rowId: RowId, index): PromptRow => {
      const prompt = prompts.of(drawnBy, index + 1);
      return {
        position: position + index,
        line,
        ...(tableRow !== undefined && { tableRow }),
        rowId,
        contentHash: prompt === prompts.written ? hash : hashOf(prompt),
        prompt,
        model,
        aspectRatio,
        resolution,
        inputImages,
        imageName: names[index] ?? imageNameOf(rowId),
        labels,
        ...texts,
        given: givenCells(asRead, columns, prompt),
      };
    });
    const own = { id, rejectedLine: rejectedLineOf(record, columns) };
    return { kind: 'accepted', rows, own, ...repeat };
  }

  function repeatOf(firstLine: number | undefined): Repeat | undefined {
    if (firstLine === undefined) return undefined;
    const { tableRow } = places.at(firstLine);
    return { repeatOf: firstLine, ...(tableRow !== undefined && { repeatOfRow: tableRow }) };
  }

  /** The names of a record's images, unique in the sheet. */
  function imageNames(
    chosen: ChosenNames,
    record: SourceRecord,
    columns: SheetColumns,
    ids: readonly RowId[],
  ): readonly string[] {
    if (chosen.kind === 'broken') throw new BrokenRule(chosen.column, chosen.value, chosen.rule);
    const names = chosen.kind === 'chosen' ? chosen.names : ids.map(imageNameOf);
    const { line } = record;
    // In a sheet without names, each id has its own.
    const isChosen = chosen.kind === 'chosen';
    const taken = columns.mayName ? takenNames.claim(names, { line, isChosen }) : undefined;
    const rule = taken
      ? takenNameRule(taken.name, placesText(places.at(taken.line), record))
      : refusedNames.get(line);
    if (rule === undefined) return names;
    throw new BrokenRule(cellOf(record, columns, 'file_name').name, taken?.name ?? names[0] ?? '', rule);
  }
}

function tooManyRows(place: LinePlace, mostRows: number): SheetError {
  return new SheetError(
    'too-many-rows',
    place,
    `with this row the sheet makes more than ${mostRows} images, the limit of a batch. Split the sheet and give each part its own --id, or lower count or --images-per-prompt`,
  );
}

function givenCells(record: SourceRecord, columns: SheetColumns, prompt: string): GivenCells {
  const cells: [InputColumn, JsonValue][] = [];
  for (const [column, index] of columns.ours) {
    const value = cellTextOf(record, columns, index) ?? record.values[index];
    if (value === undefined || (column === 'prompt' && value === prompt)) continue;
    cells.push([column, value]);
  }
  return Object.fromEntries(cells);
}

function good<T>(cell: Cell, check: (text: string) => Checked<T>): T {
  const text = textOf(cell);
  const checked = check(text);
  if (checked.kind === 'broken') throw new BrokenRule(cell.name, text, checked.rule);
  return checked.value;
}

function checkId(text: string, { isFailures, isRejects }: SheetColumns): Checked<string | undefined> {
  const id = text.trim();
  if (id === '') return { kind: 'good', value: undefined };
  // In our own files the batch's ids show whether this is one of them.
  if (!isFailures && !isRejects && isScientific(id)) {
    const rule = `a spreadsheet seems to have turned this id into a number and lost digits (4006381333931 becomes 4.00638E+12): ${KEEP_AS_TEXT}, and save the sheet again`;
    return { kind: 'broken', rule };
  }
  const rule = brokenRowIdRule(id, isFailures);
  return rule === undefined ? { kind: 'good', value: id } : { kind: 'broken', rule };
}

function rejectedLineOf(record: SourceRecord, { rejectLine }: SheetColumns): number | undefined {
  const line = rejectLine === undefined ? '' : (cellText(record.values[rejectLine]) ?? '');
  return /^[1-9]\d{0,14}$/.test(line) ? Number(line) : undefined;
}

function labelsOf(record: SourceRecord, columns: SheetColumns): Readonly<Record<string, JsonValue>> {
  const labels: [string, JsonValue][] = [];
  for (const { index, name, isUnnamed } of columns.labels) {
    const value = record.values[index];
    if (value === undefined || (isUnnamed && cellText(value)?.trim() === '')) continue;
    labels.push([name, index === columns.ours.get('input_images') ? publicInputs(value) : value]);
  }
  return Object.fromEntries(labels);
}
