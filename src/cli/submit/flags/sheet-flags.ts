import { InvalidArgumentError, Option, type Command, type OptionValues } from '@commander-js/extra-typings';
import { z } from 'zod';
import { RESOLUTIONS, rulesFor } from '../../../domain/rows/generation-settings.js';
import { INPUT_COLUMNS } from '../../../domain/rows/columns.js';
import { UsageError } from '../../../errors.js';
import { parseModel, SheetSettings } from '../../../sheet/index.js';
import { pair, wholeNumber } from '../../terminal/option-parsers.js';
import type { FlagsOf, NoFlags } from '../../terminal/typed-flags.js';

/** Commander's values for the flags on how to read a sheet, and on defaults of its rows. */
export type SheetFlags = FlagsOf<typeof withSheetFlags<[], NoFlags, NoFlags>>;

/** Adds the flags on how to read a sheet, and on defaults of its rows; `otherwise` describes the defaults, or our own apply. */
export function withSheetFlags<
  Args extends unknown[],
  Flags extends OptionValues,
  Globals extends OptionValues,
>(program: Command<Args, Flags, Globals>, otherwise?: string) {
  const by = (own: string): string => ` (default: ${otherwise ?? own})`;
  return (
    program
      .optionsGroup('Rows:')
      .option('--model <model>', `model of rows without one: nb, nb2 or pro${by('pro')}`, modelName)
      .addOption(
        new Option('--aspect-ratio <ratio>', `aspect ratio of rows without one${by('1:1')}`).choices(
          allRatios(),
        ),
      )
      .addOption(
        new Option('--resolution <size>', `resolution of rows without one${by('1K')}`).choices([
          ...RESOLUTIONS,
        ]),
      )
      .option(
        '--images-per-prompt <n>',
        `images per row without a count, 1 to 1000${by('1')}`,
        wholeNumber(1, 1000),
      )
      .option(
        '--map <ours=theirs>',
        `use your column for one of ours: --map prompt=Caption; repeatable (ours: ${INPUT_COLUMNS.join(', ')})`,
        pair,
      )
      .option(
        '--template <text>',
        'make the prompt from other columns: "a {{style|plain}} photo of a {{red,green}} {{subject}}"; {{column|default}} gives a default for blank cells, {{a,b,c}} picks one per image, \\{ and \\} are braces',
      )
      .option('--seed <text>', `seed of a template's random choices${by('1')}`, seed)
      .option(
        '--name <text>',
        'name the images by columns, instead of a file_name column: "{{campaign}}/{{sku}}"; {{id}} is the id of the row',
      )
      .addOption(
        new Option(
          '--duplicates <how>',
          `keep or skip rows that repeat an earlier row, or fail (start nothing); rows with an id or an image name never count as repeats${by('keep')}`,
        ).choices(['keep', 'skip', 'fail']),
      )
      .optionsGroup('Reading:')
      .addOption(
        new Option(
          '--format <format>',
          'format of the sheet (default: detected by name and content)',
        ).choices(['csv', 'tsv', 'jsonl']),
      )
      .option(
        '--delimiter <character>',
        'delimiter of CSV, such as ";" or "tab" (default: detected)',
        delimiter,
      )
      .option(
        '--encoding <label>',
        'encoding of the sheet, such as windows-1252 or utf-16le (default: UTF-8, or by byte-order mark)',
      )
      .option('--strict', 'start nothing if any row is rejected')
      // Only a command that continues from other settings needs a way to undo them.
      .addOption(
        new Option('--no-strict', 'start the accepted rows even if others are rejected').hideHelp(!otherwise),
      )
  );
}

/**
 * How to read a sheet, from the flags; the rest is as `before`, or our own default. An empty text removes a setting
 * of `before`. Throws a UsageError for invalid combinations.
 */
export function sheetSettings(flags: SheetFlags, before?: SheetSettings): SheetSettings {
  const { map = before?.map ?? {}, model, aspectRatio, resolution, imagesPerPrompt } = flags;
  const texts = (['format', 'delimiter', 'encoding', 'template', 'name'] as const).flatMap((key) => {
    const text = flags[key] ?? before?.[key];
    return text ? [[key, text] as const] : [];
  });
  const { name, ...others } = Object.fromEntries(texts);
  if (name && map['file_name'] !== undefined) {
    throw new UsageError('--name and --map file_name=… both name the images: give one of them.');
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
      `--map ${unknown[0]}=…: "${unknown[0]}" is not one of our columns: ${INPUT_COLUMNS.join(', ')}.`,
    );
  }
  throw new UsageError(`These flags cannot be used: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`);
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
