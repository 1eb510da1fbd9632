import { InvalidArgumentError, Option, type Command as Program } from 'commander';
import { z } from 'zod';
import { RESOLUTIONS, rulesFor } from '../domain/generation-settings.js';
import { INPUT_COLUMNS } from '../domain/reserved-columns.js';
import { UsageError } from '../errors.js';
import { parseModel, SheetSettings } from '../sheet/index.js';
import { pair, wholeNumber } from './option-parsers.js';

/** What commander hands over of the flags that say how a sheet is read, and what its rows are. */
export interface SheetFlags {
  readonly model?: string;
  readonly aspectRatio?: string;
  readonly resolution?: string;
  readonly imagesPerPrompt?: number;
  readonly map?: Readonly<Record<string, string>>;
  readonly template?: string;
  readonly seed?: string;
  readonly name?: string;
  readonly format?: string;
  readonly delimiter?: string;
  readonly encoding?: string;
  readonly duplicates?: string;
  readonly strict?: boolean;
}

/** Adds the flags that say how a sheet is read, and what its rows are; what is left out is as `otherwise` tells, or our own default. */
export function withSheetFlags(program: Program, otherwise?: string): Program {
  const by = (own: string): string => ` (default: ${otherwise ?? own})`;
  return (
    program
      .optionsGroup('Rows:')
      .option('--model <model>', `for rows that do not say: nb, nb2 or pro${by('pro')}`, modelName)
      .addOption(
        new Option('--aspect-ratio <ratio>', `for rows that do not say${by('1:1')}`).choices(allRatios()),
      )
      .addOption(
        new Option('--resolution <size>', `for rows that do not say${by('1K')}`).choices([...RESOLUTIONS]),
      )
      .option(
        '--images-per-prompt <n>',
        `for rows without a count, 1 to 1000${by('1')}`,
        wholeNumber(1, 1000),
      )
      .option(
        '--map <ours=theirs>',
        `reads a column of ours from one of theirs, such as prompt=Caption; repeatable (${INPUT_COLUMNS.join(', ')})`,
        pair,
      )
      .option(
        '--template <text>',
        'makes the prompt of other columns: "a {{style|plain}} photo of a {{red,green}} {{subject}}"; what follows | stands for a blank cell, of texts with commas one is drawn for each image, \\{ and \\} are braces',
      )
      .option('--seed <text>', `another one draws a template's choices anew${by('1')}`, seed)
      .option(
        '--name <text>',
        'names the images by columns, instead of a file_name column: "{{campaign}}/{{sku}}", {{id}} is the row\'s id',
      )
      .addOption(
        new Option(
          '--duplicates <how>',
          `keep, skip or fail (start nothing) where rows without an id ask for the same image as one above; rows with ids or names of images never count as the same${by('keep')}`,
        ).choices(['keep', 'skip', 'fail']),
      )
      .optionsGroup('Reading:')
      .addOption(
        new Option('--format <format>', 'instead of by name and content').choices(['csv', 'tsv', 'jsonl']),
      )
      .option(
        '--delimiter <character>',
        'such as ";" or "tab", instead of detecting comma, semicolon or tab',
        delimiter,
      )
      .option(
        '--encoding <label>',
        'such as windows-1252 or utf-16le, for text that is neither UTF-8 nor has a byte-order mark',
      )
      .option('--strict', 'start nothing if any row is rejected')
      // Only what goes on from other settings may have to take it back.
      .addOption(
        new Option('--no-strict', 'start what is accepted though rows are rejected').hideHelp(!otherwise),
      )
  );
}

/**
 * How a sheet is read by the flags; what they do not say is as `before`, or our own default. An empty text takes away what
 * `before` has. Throws a UsageError for combinations that make no sense.
 */
export function sheetSettings(flags: SheetFlags, before?: SheetSettings): SheetSettings {
  const { map = before?.map ?? {}, model, aspectRatio, resolution, imagesPerPrompt } = flags;
  const texts = (['format', 'delimiter', 'encoding', 'template', 'name'] as const).flatMap((key) => {
    const text = flags[key] ?? before?.[key];
    return text ? [[key, text] as const] : [];
  });
  const { name, ...others } = Object.fromEntries(texts);
  if (name && map['file_name'] !== undefined) {
    throw new UsageError('--name and --map file_name=… both name the images. Leave one of them out.');
  }
  const parsed = SheetSettings.safeParse({
    ...others,
    ...(name !== undefined && { name }),
    map,
    defaults: {
      ...before?.defaults,
      ...(model !== undefined && { model }),
      ...(aspectRatio !== undefined && { aspectRatio }),
      ...(resolution !== undefined && { resolution }),
    },
    seed: flags.seed ?? before?.seed,
    imagesPerPrompt: imagesPerPrompt ?? before?.imagesPerPrompt,
    duplicates: flags.duplicates ?? before?.duplicates,
    strict: flags.strict ?? before?.strict,
  });
  if (parsed.success) return parsed.data;
  const unknown = Object.keys(map).filter((column) => !INPUT_COLUMNS.some((ours) => ours === column));
  if (unknown.length > 0) {
    throw new UsageError(
      `--map ${unknown[0]}=…: "${unknown[0]}" is no column of ours. Ours are ${INPUT_COLUMNS.join(', ')}.`,
    );
  }
  throw new UsageError(
    `The sheet's flags do not fit: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`,
  );
}

function allRatios(): string[] {
  return [...rulesFor('pro', 'image').aspectRatios];
}

function modelName(text: string): string {
  const model = parseModel(text);
  if (model === undefined) throw new InvalidArgumentError('Expected nb, nb2 or pro.');
  return model;
}

function seed(text: string): string {
  if (text === '' || text.length > 200) throw new InvalidArgumentError('Expected 1 to 200 characters.');
  return text;
}

function delimiter(text: string): string {
  const character = text === '\\t' || text.toLowerCase() === 'tab' ? '\t' : text;
  if (!/^.$/su.test(character))
    throw new InvalidArgumentError('Expected one character, such as ";", or "tab".');
  return character;
}
