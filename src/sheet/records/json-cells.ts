import { z } from 'zod';
import { jsonAsText, type JsonValue } from '../../domain/text/json.js';
import type { SheetColumns } from '../cells/sheet-columns.js';
import { parseJson } from './parse-json-lines.js';
import type { CsvRecord, SourceRecord } from '../source-record.js';

const Names = z.array(z.string());
const Json: z.ZodType<JsonValue> = z.json();

/**
 * A record of our own failures.csv or rejects.csv with the original values of those cells that the file lists as JSON
 * text. An empty one was absent; one that is no longer valid JSON was edited by hand, and is text.
 */
export function withJsonCells(record: CsvRecord, columns: SheetColumns): SourceRecord {
  const marking = columns.jsonCells === undefined ? undefined : record.values[columns.jsonCells];
  if (marking === undefined || marking === '') return record;
  const names = new Set(namesIn(marking));
  const values = record.values.map((cell, index) => {
    const name = columns.names[index];
    return name !== undefined && names.has(name) ? valueOf(cell) : cell;
  });
  return { ...record, values, texts: values.map((value, index) => textOf(value, record.values[index])) };
}

/** A number or list in the file's notation, if that differs from JSON's. */
function textOf(value: JsonValue | undefined, cell: string | undefined): string | undefined {
  const isText = typeof value === 'string' || value === undefined || value === null;
  return isText || cell === jsonAsText(value) ? undefined : cell;
}

function namesIn(marking: string): readonly string[] {
  try {
    return Names.safeParse(parseJson(marking)).data ?? [];
  } catch {
    return [];
  }
}

function valueOf(cell: string): JsonValue | undefined {
  if (cell === '') return undefined;
  try {
    const parsed = Json.safeParse(parseJson(cell));
    return parsed.success ? parsed.data : cell;
  } catch {
    return cell;
  }
}
