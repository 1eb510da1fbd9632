import { hash } from 'node:crypto';
import { BrokenRule, cellText } from '../cells/cells.js';
import { cellOf, textOf } from '../cells/cell.js';
import type { SheetColumns } from '../cells/sheet-columns.js';
import type { SourceRecord } from '../source-record.js';
import { fillTemplate, type ChoicesPart, type PlacedPart } from '../cells/template.js';

/** Maximum length of a prompt; a longer one means that the sheet was read wrongly. */
const MAX_PROMPT_CHARACTERS = 32_000;

/** The prompts of one record's images. */
export interface RecordPrompts {
  /** The prompt before choices are made: two records with the same text are identical. */
  readonly written: string;
  /** The same without choices, for recognizing the record. */
  readonly plain: string;
  /** The prompt of one image, from the prefix of the record's ids and the image's 1-based number. */
  readonly of: (base: string, replica: number) => string;
}

/**
 * The prompts of a record: its prompt cell, or the filled template. Choices are picked for every image by the seed
 * and the record's id, independent of the record's position in the sheet. Throws BrokenRule; every prompt that `of`
 * returns is valid.
 */
export function promptsOf(record: SourceRecord, columns: SheetColumns, seed: string): RecordPrompts {
  const { template } = columns;
  if (template === undefined) {
    const { name, value } = cellOf(record, columns, 'prompt');
    return always(goodPrompt(name, textOf({ name, value })));
  }
  const fill = (draw: (part: ChoicesPart) => string): string => filled(template, record, draw);
  const longest = goodPrompt(
    'prompt',
    fill(({ choices }) => longestOf(choices)),
  );
  if (!template.some((part) => part.kind === 'choices')) return always(longest);
  return {
    written: fill(({ choices }) => `{{${JSON.stringify(choices)}}}`),
    plain: fill(() => ''),
    of: (base, replica) =>
      fill(({ place, choices }) => choices[drawn({ seed, base, replica, place }, choices.length)] ?? ''),
  };
}

function always(prompt: string): RecordPrompts {
  return { written: prompt, plain: prompt, of: () => prompt };
}

function filled(
  template: readonly PlacedPart[],
  record: SourceRecord,
  draw: (part: ChoicesPart) => string,
): string {
  const made = fillTemplate(template, (index) => cellText(record.values[index]), draw);
  if (made.kind === 'filled') return made.text;
  throw new BrokenRule(
    made.column,
    '',
    `--template needs text in the column ${JSON.stringify(made.column)}. If it may be blank, give a default: {{${made.column}|default}}`,
  );
}

function longestOf(texts: readonly string[]): string {
  return texts.reduce((longest, text) => (text.length > longest.length ? text : longest), '');
}

function goodPrompt(column: string, prompt: string): string {
  if (prompt.trim() === '') throw new BrokenRule(column, prompt, 'the prompt is blank');
  if (prompt.length > MAX_PROMPT_CHARACTERS && Array.from(prompt).length > MAX_PROMPT_CHARACTERS) {
    throw new BrokenRule(column, prompt, `a prompt may have at most ${MAX_PROMPT_CHARACTERS} characters`);
  }
  return prompt;
}

/** Everything that determines a pick: neither the time nor the row's position in its sheet. */
export interface DrawPlace {
  readonly seed: string;
  /** The prefix of the ids of the row's record. */
  readonly base: string;
  /** 1-based number of the image among those of its record. */
  readonly replica: number;
  /** 0-based number of the choices in the template. */
  readonly place: number;
}

const DRAWN_HEX_DIGITS = 12;

/**
 * A uniformly distributed number from 0 to `count` - 1, the same on every machine. The hashed content and the hash
 * must not change: other picks would be other prompts, and so buy images again.
 */
export function drawn({ seed, base, replica, place }: DrawPlace, count: number): number {
  const digest = hash('sha256', JSON.stringify(['draw', seed, base, replica, place]), 'hex');
  return Math.floor(
    (Number.parseInt(digest.slice(0, DRAWN_HEX_DIGITS), 16) / 16 ** DRAWN_HEX_DIGITS) * count,
  );
}
