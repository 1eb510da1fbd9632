import { InvalidArgumentError, Option, type Command as Program } from 'commander';
import { z } from 'zod';
import type { BatchFolder } from '../batch/batch-place.js';
import { RESOLUTIONS, rulesFor } from '../domain/generation-settings.js';
import type { BatchId } from '../domain/ids.js';
import { INPUT_COLUMNS } from '../domain/reserved-columns.js';
import { UsageError } from '../errors.js';
import { parseModel, SheetSettings } from '../sheet/index.js';
import { askedCanary } from './canary-flags.js';
import { batchId, pair, s3Folder, wholeNumber } from './option-parsers.js';
import { runSettings, spendingIn, withRunningFlags, type RunningFlags } from './running-flags.js';
import type { SubmissionOptions } from './submission.js';

/** Says what `--rebind` is for. */
export const REBIND =
  'the key was rotated: goes on with the new one, if it knows the jobs that the batch has made';

/** What commander hands over for `submit` and `run`. */
interface Flags extends RunningFlags {
  readonly id?: BatchId;
  readonly to?: BatchFolder;
  readonly new: boolean;
  readonly merge: boolean;
  readonly rebind: boolean;
  readonly model: string;
  readonly aspectRatio: string;
  readonly resolution: string;
  readonly imagesPerPrompt: number;
  readonly map?: Readonly<Record<string, string>>;
  readonly template?: string;
  readonly seed: string;
  readonly name?: string;
  readonly format?: string;
  readonly delimiter?: string;
  readonly encoding?: string;
  readonly duplicates: string;
  readonly strict: boolean;
  readonly dryRun: boolean;
  readonly show: number;
  readonly yes: boolean;
  readonly json: boolean;
}

/** Adds the sheet argument and all flags that `submit` and `run` share. */
export function withSubmissionFlags(program: Program): Program {
  program
    .argument(
      '<sheet>',
      'CSV, TSV or JSON Lines, also packed (.gz): a path, "-" for standard input, s3://bucket/key, or https://…',
    )
    .option(
      '--id <name>',
      "the batch's id; submitting again under it is the same batch (default: the file's name)",
      batchId,
    )
    .option(
      '--to <folder>',
      'where the batch is to live: an empty folder, s3://bucket/folder/ (default: a folder of the id in $BANANA_BUCKET below $BANANA_PREFIX, where a note of the place is left)',
      s3Folder,
    )
    .option('--new', 'another batch than the one that has the id: appends the time', false)
    .option(
      '--merge',
      'rows of the batch that the sheet lacks stay in it (always so for a failures.csv or rejects.csv)',
      false,
    )
    .option('--rebind', REBIND, false)
    .optionsGroup('Rows:')
    .option('--model <model>', 'for rows that do not say: nb, nb2 or pro', modelName, 'pro')
    .addOption(
      new Option('--aspect-ratio <ratio>', 'for rows that do not say').choices(allRatios()).default('1:1'),
    )
    .addOption(
      new Option('--resolution <size>', 'for rows that do not say').choices([...RESOLUTIONS]).default('1K'),
    )
    .option('--images-per-prompt <n>', 'for rows without a count, 1 to 1000', wholeNumber(1, 1000), 1)
    .option(
      '--map <ours=theirs>',
      `reads a column of ours from one of theirs, such as prompt=Caption; repeatable (${INPUT_COLUMNS.join(', ')})`,
      pair,
    )
    .option(
      '--template <text>',
      'makes the prompt of other columns: "a {{style|plain}} photo of a {{red,green}} {{subject}}"; what follows | stands for a blank cell, of texts with commas one is drawn for each image, \\{ and \\} are braces',
    )
    .option('--seed <text>', "another one draws a template's choices anew", seed, '1')
    .option(
      '--name <text>',
      'names the images by columns, instead of a file_name column: "{{campaign}}/{{sku}}", {{id}} is the row\'s id',
    )
    .addOption(
      new Option(
        '--duplicates <how>',
        'keep, skip or fail (start nothing) where rows without an id ask for the same image as one above; rows with ids or names of images never count as the same',
      )
        .choices(['keep', 'skip', 'fail'])
        .default('keep'),
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
    .option('--strict', 'start nothing if any row is rejected', false);
  return withRunningFlags(program)
    .optionsGroup('Output:')
    .option('--dry-run', 'say what would be made, where, how long and at what cost, and do nothing', false)
    .option('--show <n>', 'rows that --dry-run shows as they would be sent', wholeNumber(0, 1000), 3)
    .option('-y, --yes', 'do not ask', false)
    .option('--json', 'one JSON document on standard output', false);
}

/** The options of a submission from its flags. Throws a UsageError for combinations that make no sense. */
export function submissionOptions(sheet: string, flags: Flags): SubmissionOptions {
  return {
    // An address that was pasted may have spaces around it; a path may be so called.
    sheet: /^\s*[a-z][a-z0-9+.-]*:\/\//i.test(sheet) ? sheet.trim() : sheet,
    ...(flags.id && { id: flags.id }),
    ...(flags.to && { to: flags.to }),
    new: flags.new,
    sheetSettings: sheetSettings(flags),
    settings: runSettings(flags),
    spending: spendingIn(flags),
    canary: askedCanary(flags),
    merge: flags.merge,
    rebind: flags.rebind,
    dryRun: flags.dryRun,
    show: flags.show,
    yes: flags.yes,
    json: flags.json,
  };
}

function sheetSettings(flags: Flags): SheetSettings {
  const { format, delimiter: separator, encoding, template, name, map = {} } = flags;
  if (name && map['file_name'] !== undefined) {
    throw new UsageError('--name and --map file_name=… both name the images. Leave one of them out.');
  }
  const parsed = SheetSettings.safeParse({
    ...(format && { format }),
    ...(separator && { delimiter: separator }),
    ...(encoding && { encoding }),
    ...(template && { template }),
    ...(name && { name }),
    map,
    defaults: { model: flags.model, aspectRatio: flags.aspectRatio, resolution: flags.resolution },
    seed: flags.seed,
    imagesPerPrompt: flags.imagesPerPrompt,
    duplicates: flags.duplicates,
    strict: flags.strict,
  });
  if (parsed.success) return parsed.data;
  const unknown = Object.keys(map).filter((name) => !INPUT_COLUMNS.some((column) => column === name));
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
