import { contentHash } from '../domain/content-hash.js';
import type { RowId } from '../domain/ids.js';
import type { JsonValue } from '../domain/json.js';
import { imageNameOf } from '../domain/object-key.js';
import { isReportColumn, type InputColumn } from '../domain/reserved-columns.js';
import type { PromptRow, RejectedRecord } from '../domain/row.js';
import { brokenRowIdRule, RowIds } from '../domain/row-id.js';
import {
  cellText,
  checkAspectRatio,
  checkCount,
  checkModel,
  checkResolution,
  type Checked,
} from './cells.js';
import type { SheetColumns } from './columns.js';
import type { SourceRecord } from './parse.js';
import type { SheetSettings } from './sheet-settings.js';
import { fillTemplate } from './template.js';

/** Longest prompt that is accepted; a longer one is a sheet that was read wrongly. */
const MAX_PROMPT_CHARACTERS = 32_000;
const SHOWN_VALUE_CHARACTERS = 200;

/** What became of one record. */
export type CheckedRecord =
  | {
      readonly kind: 'accepted';
      /** One for each image; `position` counts on over the whole sheet. */
      readonly rows: readonly PromptRow[];
      /** Line of the first record that is identical to this one, where neither has an id of its own. */
      readonly repeatOf?: number;
    }
  | { readonly kind: 'rejected'; readonly rejected: RejectedRecord };

/** Checks one sheet's records in order: ids and positions depend on those before. */
export type RecordChecker = (record: SourceRecord, columns: SheetColumns) => CheckedRecord;

/** A rule that a record breaks; the first one found is told. */
class BrokenRule extends Error {
  readonly column: string;
  readonly value: string;

  constructor(column: string, value: string, rule: string) {
    super(rule);
    this.column = column;
    this.value = value;
  }
}

/**
 * A checker for one pass over one sheet. It takes a record as it is or rejects it with column, value and rule; it
 * never throws for what a record says.
 */
export function recordChecker(settings: Pick<SheetSettings, 'defaults' | 'imagesPerPrompt'>): RecordChecker {
  const rowIds = new RowIds();
  let position = 0;

  return (record, columns) => {
    try {
      const checked = acceptedRows(record, columns);
      position += checked.rows.length;
      return { kind: 'accepted', ...checked };
    } catch (error) {
      if (!(error instanceof BrokenRule)) throw error;
      const { column, value, message: rule } = error;
      return { kind: 'rejected', rejected: rejectedRecord(record, columns, { column, value, rule }) };
    }
  };

  function acceptedRows(record: SourceRecord, columns: SheetColumns) {
    refuseWrongWidth(record, columns);
    const cell = (column: InputColumn): Cell => cellOf(record, columns, column);
    const prompt = promptOf(record, columns);
    const model = good(cell('model'), (text) => checkModel(text, settings.defaults.model));
    const aspectRatio = good(cell('aspect_ratio'), (text) =>
      checkAspectRatio(text, model, settings.defaults.aspectRatio),
    );
    const resolution = good(cell('resolution'), (text) =>
      checkResolution(text, model, settings.defaults.resolution),
    );
    const count = good(cell('count'), (text) => checkCount(text, settings.imagesPerPrompt));
    refuseInputImages(record, columns);

    const hash = contentHash({ prompt, model, aspectRatio, resolution, inputImages: [] });
    const idCell = cell('id');
    const id = good(idCell, (text) => checkId(text, columns.isFailures));
    const { line } = record;
    const answer = rowIds.give({ id, prompt, contentHash: hash, count, line });
    if (answer.kind === 'taken') {
      throw new BrokenRule(
        idCell.name,
        answer.rowId,
        `an id is used once: lines ${answer.firstLine} and ${line} both have ${JSON.stringify(answer.rowId)}`,
      );
    }
    const labels = labelsOf(record, columns);
    const rows = answer.rowIds.map((rowId: RowId, replica): PromptRow => ({
      position: position + replica,
      line,
      rowId,
      contentHash: hash,
      prompt,
      model,
      aspectRatio,
      resolution,
      inputImages: [],
      imageName: imageNameOf(rowId),
      labels,
    }));
    return answer.repeatOf === undefined ? { rows } : { rows, repeatOf: answer.repeatOf };
  }
}

/** The rejection of a record for one rule, with the record as read so that it can be mended. */
function rejectedRecord(
  record: SourceRecord,
  columns: SheetColumns,
  broken: { readonly column: string; readonly value: string; readonly rule: string },
): RejectedRecord {
  const cells = record.values.flatMap((value, index): [string, JsonValue][] =>
    value === undefined ? [] : [[columns.names[index] ?? `column_${index + 1}`, value]],
  );
  return {
    line: record.line,
    column: broken.column,
    value: shortened(broken.value),
    rule: broken.rule,
    record: Object.fromEntries(cells.filter(([name]) => !isReportColumn(name))),
  };
}

function shortened(value: string): string {
  if (value.length <= SHOWN_VALUE_CHARACTERS) return value;
  // Not half of a surrogate pair at the cut.
  return `${value.slice(0, SHOWN_VALUE_CHARACTERS - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

interface Cell {
  /** As the sheet calls it, or our name where it has no such column. */
  readonly name: string;
  readonly value: JsonValue | undefined;
}

function cellOf(record: SourceRecord, columns: SheetColumns, column: InputColumn): Cell {
  const index = columns.ours.get(column);
  if (index === undefined) return { name: column, value: undefined };
  return { name: columns.names[index] ?? column, value: record.values[index] };
}

function textOf(cell: Cell): string {
  const text = cellText(cell.value);
  if (text === undefined)
    throw new BrokenRule(cell.name, JSON.stringify(cell.value), `${cell.name} is a text`);
  return text;
}

function good<T>(cell: Cell, check: (text: string) => Checked<T>): T {
  const text = textOf(cell);
  const checked = check(text);
  if (checked.kind === 'broken') throw new BrokenRule(cell.name, text, checked.rule);
  return checked.value;
}

function checkId(text: string, mayHaveSuffix: boolean): Checked<string | undefined> {
  const id = text.trim();
  if (id === '') return { kind: 'good', value: undefined };
  const rule = /\p{Surrogate}/u.test(id) ? HALF_CHARACTER : brokenRowIdRule(id, mayHaveSuffix);
  return rule === undefined ? { kind: 'good', value: id } : { kind: 'broken', rule };
}

/** A CSV record with more or fewer fields than the header has shifted cells: any of them may be in the wrong column. */
function refuseWrongWidth(record: SourceRecord, columns: SheetColumns): void {
  const width = record.values.length;
  if (width === columns.names.length) return;
  const lastNamed = columns.names.length - trailingUnnamed(columns);
  if (width >= lastNamed && width < columns.names.length) return;
  throw new BrokenRule(
    '',
    String(width),
    `a record has as many fields as the header: ${columns.names.length}, not ${width}. Put a text that contains the delimiter in quotes`,
  );
}

function trailingUnnamed(columns: SheetColumns): number {
  const unnamed = new Set(columns.labels.filter((label) => label.isUnnamed).map((label) => label.index));
  let count = 0;
  while (unnamed.has(columns.names.length - 1 - count)) count += 1;
  return count;
}

const HALF_CHARACTER = 'a text has whole characters: half of a surrogate pair was found in it';

function promptOf(record: SourceRecord, columns: SheetColumns): string {
  const { name, text } = rawPrompt(record, columns);
  // The service strips null bytes; two prompts that differ in nothing else are the same image.
  const prompt = text.replaceAll('\0', '');
  if (prompt.trim() === '')
    throw new BrokenRule(name, text, 'a prompt has at least one character that is not blank');
  if (prompt.length > MAX_PROMPT_CHARACTERS && Array.from(prompt).length > MAX_PROMPT_CHARACTERS) {
    throw new BrokenRule(name, prompt, `a prompt has at most ${MAX_PROMPT_CHARACTERS} characters`);
  }
  if (/\p{Surrogate}/u.test(prompt)) throw new BrokenRule(name, prompt, HALF_CHARACTER);
  return prompt;
}

function rawPrompt(record: SourceRecord, columns: SheetColumns): { name: string; text: string } {
  if (columns.template === undefined) {
    const cell = cellOf(record, columns, 'prompt');
    return { name: cell.name, text: textOf(cell) };
  }
  const filled = fillTemplate(columns.template, (index) => cellText(record.values[index]));
  if (filled.kind === 'blank') {
    throw new BrokenRule(
      filled.column,
      '',
      `--template needs a text in the column ${JSON.stringify(filled.column)}`,
    );
  }
  return { name: 'prompt', text: filled.text };
}

function refuseInputImages(record: SourceRecord, columns: SheetColumns): void {
  const { name, value } = cellOf(record, columns, 'input_images');
  const text = Array.isArray(value) ? value.join(' ') : (cellText(value) ?? JSON.stringify(value));
  if (text.trim() !== '')
    throw new BrokenRule(name, text, 'image-to-image is not supported yet: leave input_images blank');
}

function labelsOf(record: SourceRecord, columns: SheetColumns): Readonly<Record<string, JsonValue>> {
  const labels: [string, JsonValue][] = [];
  for (const { index, name, isUnnamed } of columns.labels) {
    const value = record.values[index];
    if (value === undefined || (isUnnamed && cellText(value)?.trim() === '')) continue;
    labels.push([name, value]);
  }
  return Object.fromEntries(labels);
}
