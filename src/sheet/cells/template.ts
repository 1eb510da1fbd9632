import { columnsInstead, SheetError, type LinePlace } from '../sheet-error.js';
import { momentPart, type SheetMoment } from '../../domain/time/moment.js';

/** The use of a template. */
export interface TemplateUse {
  /** The flag that gave it, for messages. */
  readonly flag: string;
  /** Whether `{{red,green}}` is a choice; otherwise it can only be the name of a column. */
  readonly takesChoices: boolean;
  /** The values of `{{date}}` and `{{time}}` in a sheet without such columns. */
  readonly moment?: SheetMoment;
}

/** The parts of a template, in order. */
export interface Template extends TemplateUse {
  readonly parts: readonly TemplatePart[];
}

/** Literal text, or a pair of braces, whose meaning depends on the sheet's columns. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'braces';
      /** Everything between the braces, without escapes. */
      readonly whole: string;
      /** The text before the first `|`. */
      readonly column: string;
      /** The text after it; undefined if there is no `|`. */
      readonly otherwise: string | undefined;
      /** The texts between commas. */
      readonly choices: readonly string[];
    };

const ESCAPED = /\\([{}|,\\])/g;
const ESCAPED_OR_BRACES = /\\[{}|,\\]|\{\{((?:\\[{}|,\\]|\\(?![{}|,\\])|[^{}\\])*)\}\}/g;

/**
 * The parts of a template such as `a {{style|plain}} photo of a {{red,green}} {{subject}}`. Text between braces is
 * trimmed; a backslash before `{`, `}`, `|`, `,` or another backslash makes that character plain text.
 *
 * Throws SheetError `bad-template` for an unclosed pair of braces, for empty braces, and for a template without any,
 * which would give the same text for every row.
 */
export function parseTemplate(template: string, use: TemplateUse, sheet: string): Template {
  const parts: TemplatePart[] = [];
  let text = '';
  let from = 0;
  for (const match of template.matchAll(ESCAPED_OR_BRACES)) {
    const [found, between] = match;
    text += plainText(template.slice(from, match.index), use, sheet);
    from = match.index + found.length;
    if (between === undefined) {
      text += found.slice(1);
      continue;
    }
    if (text !== '') parts.push({ kind: 'text', text });
    text = '';
    parts.push(bracesPart(between, use, sheet));
  }
  text += plainText(template.slice(from), use, sheet);
  if (text !== '') parts.push({ kind: 'text', text });
  if (!parts.some((part) => part.kind === 'braces')) {
    throw badTemplate(
      sheet,
      `${use.flag} uses no column, so it would be the same for every row. Name a column in double braces: {{subject}}`,
    );
  }
  return { ...use, parts };
}

function plainText(text: string, { flag }: TemplateUse, sheet: string): string {
  if (!text.includes('{{') && !text.includes('}}')) return text;
  throw badTemplate(
    sheet,
    `${flag} has unpaired braces. Write columns as {{name}}, and literal braces as \\{ and \\}`,
  );
}

function bracesPart(between: string, { flag }: TemplateUse, sheet: string): TemplatePart {
  const [first = '', ...rest] = splitAtPlain(between, '|');
  const column = unescaped(first);
  if (column === '') {
    throw badTemplate(sheet, `${flag} has empty braces. Name a column in them: {{subject}}`);
  }
  return {
    kind: 'braces',
    whole: unescaped(between),
    column,
    otherwise: rest.length === 0 ? undefined : unescaped(rest.join('|')),
    choices: splitAtPlain(between, ',').map(unescaped),
  };
}

/** The pieces between unescaped separators, unchanged. */
function splitAtPlain(text: string, separator: string): readonly string[] {
  const pieces = [''];
  for (const [token] of text.matchAll(/\\[{}|,\\]|[^]/g)) {
    if (token === separator) pieces.push('');
    else pieces.push(`${pieces.pop() ?? ''}${token}`);
  }
  return pieces;
}

function unescaped(text: string): string {
  return text.replaceAll(ESCAPED, '$1').trim();
}

function badTemplate(sheet: string, message: string): SheetError {
  return new SheetError('bad-template', { sheet }, message);
}

/** A part whose meaning is resolved by the sheet's columns. */
export type PlacedPart =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'column';
      readonly column: string;
      /** The column's place in the record; undefined if the record lacks it. */
      readonly index: number | undefined;
      /** The default for a blank cell; undefined if the cell must have content. */
      readonly otherwise: string | undefined;
    }
  | ChoicesPart;

/** Texts of which one is picked. */
export interface ChoicesPart {
  readonly kind: 'choices';
  /** 0-based number among the template's choices. */
  readonly place: number;
  readonly choices: readonly string[];
}

/**
 * Resolves a template for a sheet with these columns, ignoring letter case. Braces mean a column if the sheet has one
 * of exactly that name; otherwise the text before `|` is a column, or the moment's date or time, and texts separated
 * by commas are choices. Throws SheetError `unknown-column` for a column that the sheet lacks, `bad-template` for an
 * empty choice and for a refused moment.
 */
export function placeTemplate(
  { parts, flag, takesChoices, moment }: Template,
  names: readonly string[],
  place: LinePlace,
): readonly PlacedPart[] {
  const places = placesOf(names);
  let choicesBefore = 0;
  return parts.map((part): PlacedPart => {
    if (part.kind === 'text') return part;
    const { whole, column, otherwise, choices } = part;
    const whollyAt = places.get(whole.toLowerCase());
    if (whollyAt !== undefined)
      return { kind: 'column', column: whole, index: whollyAt, otherwise: undefined };
    const index = places.get(column.toLowerCase());
    if (index !== undefined) return { kind: 'column', column, index, otherwise };
    const ofMoment = momentPart(column);
    if (ofMoment && typeof moment === 'object') return { kind: 'text', text: moment[ofMoment] };
    if (ofMoment && moment === 'refused') throw refusedMoment(place.sheet, { flag, part: ofMoment });
    if (!takesChoices || otherwise !== undefined || choices.length === 1) {
      throw new SheetError(
        'unknown-column',
        place,
        `${flag} uses the column ${JSON.stringify(column)}, which the sheet does not have. ${ofMoment ? ONLY_OF_FIRINGS : ''}${columnsInstead(column, names)}`,
      );
    }
    if (choices.includes('')) {
      throw badTemplate(
        place.sheet,
        `${flag} has an empty choice in {{${whole}}}. Write a text before and after each comma`,
      );
    }
    return { kind: 'choices', place: choicesBefore++, choices };
  });
}

const ONLY_OF_FIRINGS = 'Only schedules fill in {{date}} and {{time}}, unless the sheet has such columns. ';

function refusedMoment(
  sheet: string,
  { flag, part }: { readonly flag: string; readonly part: string },
): SheetError {
  return badTemplate(
    sheet,
    `${flag} contains {{${part}}}, which differs at each run, so a schedule with --mode changes would make everything again each time. Remove it, or create a schedule with --mode fresh`,
  );
}

/** The same template for a record with other columns, in a sheet whose records may omit some. */
export function movedTemplate(parts: readonly PlacedPart[], names: readonly string[]): readonly PlacedPart[] {
  const places = placesOf(names);
  return parts.map((part) =>
    part.kind === 'column' ? { ...part, index: places.get(part.column.toLowerCase()) } : part,
  );
}

function placesOf(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, index) => [name.toLowerCase(), index]));
}

/** The text that a template makes of one record, or the column that is blank in the record. */
export type FilledTemplate =
  | { readonly kind: 'filled'; readonly text: string }
  | { readonly kind: 'blank'; readonly column: string };

/**
 * Fills a template. `cellAt` returns a column's text, undefined if it is not text; `draw` returns one of a part's
 * choices, and is not called for a template without choices.
 */
export function fillTemplate(
  parts: readonly PlacedPart[],
  cellAt: (index: number) => string | undefined,
  draw: (part: ChoicesPart) => string = () => '',
): FilledTemplate {
  let text = '';
  for (const part of parts) {
    if (part.kind === 'text') {
      text += part.text;
      continue;
    }
    if (part.kind === 'choices') {
      text += draw(part);
      continue;
    }
    const cell = part.index === undefined ? '' : cellAt(part.index)?.trim();
    const filled = cell === '' ? part.otherwise : cell;
    if (filled === undefined) return { kind: 'blank', column: part.column };
    text += filled;
  }
  return { kind: 'filled', text };
}
