import { listColumns, SheetError } from './sheet-error.js';

/** A template in its parts, in order: literal text, or the name of a column. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'column'; readonly column: string };

/**
 * The parts of a template such as `a {{style}} photo of {{subject}}`; column names are trimmed.
 *
 * Throws SheetError `bad-template` for a brace pair that is not closed, an empty name, and a template without any
 * column, which would buy the same image for every row.
 */
export function parseTemplate(template: string, sheet: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let from = 0;
  for (const match of template.matchAll(/\{\{([^{}]*)\}\}/g)) {
    parts.push(...textPart(template.slice(from, match.index), sheet));
    const column = (match[1] ?? '').trim();
    if (column === '')
      throw badTemplate(sheet, '--template has empty braces. Name a column in them: {{subject}}');
    parts.push({ kind: 'column', column });
    from = match.index + match[0].length;
  }
  parts.push(...textPart(template.slice(from), sheet));
  if (!parts.some((part) => part.kind === 'column')) {
    throw badTemplate(
      sheet,
      '--template names no column, so every row would be the same. Name one in double braces: "a photo of {{subject}}"',
    );
  }
  return parts;
}

function textPart(text: string, sheet: string): readonly TemplatePart[] {
  if (text.includes('{{') || text.includes('}}')) {
    throw badTemplate(sheet, '--template has braces that do not pair up. Write columns as {{name}}');
  }
  return text === '' ? [] : [{ kind: 'text', text }];
}

function badTemplate(sheet: string, message: string): SheetError {
  return new SheetError('bad-template', { sheet }, message);
}

/** A template part whose column is known by its place in the record; undefined where the record has no such column. */
export type PlacedPart = string | { readonly column: string; readonly index: number | undefined };

/**
 * The parts with their columns' places. Columns are found in any case of letters; with `required`, one that the
 * sheet lacks throws SheetError `unknown-column`.
 */
export function placeTemplate(
  parts: readonly TemplatePart[],
  names: readonly string[],
  required: { readonly sheet: string; readonly line: number } | undefined,
): readonly PlacedPart[] {
  const places = new Map(names.map((name, index) => [name.toLowerCase(), index]));
  return parts.map((part) => {
    if (part.kind === 'text') return part.text;
    const index = places.get(part.column.toLowerCase());
    if (index === undefined && required !== undefined) {
      throw new SheetError(
        'unknown-column',
        required,
        `--template uses the column ${JSON.stringify(part.column)}, which the sheet does not have. Its columns: ${listColumns(names)}`,
      );
    }
    return { column: part.column, index };
  });
}

/** The text that a template makes of one record, or the column that the record leaves blank. */
export type FilledTemplate =
  | { readonly kind: 'filled'; readonly text: string }
  | { readonly kind: 'blank'; readonly column: string };

/** Fills a template; `cellAt` gives a column's text, undefined where it is no text. */
export function fillTemplate(
  parts: readonly PlacedPart[],
  cellAt: (index: number) => string | undefined,
): FilledTemplate {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    const cell = part.index === undefined ? undefined : cellAt(part.index);
    if (cell === undefined || cell.trim() === '') return { kind: 'blank', column: part.column };
    text += cell.trim();
  }
  return { kind: 'filled', text };
}
