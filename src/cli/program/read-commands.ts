import { Option, type Command as Program } from '@commander-js/extra-typings';
import type { ExitCode } from '../terminal/command-context.js';
import { linkKind } from '../results/result-links.js';
import { shardSize, wholeNumber } from '../terminal/option-parsers.js';
import { RESULT_COLUMNS } from '../../report/results/result-columns.js';
import { EXPORT_FORMATS } from '../../report/export/export-format.js';
import { example, type Performer } from './perform.js';

/** The commands that change nothing. */
export function addReadCommands(
  program: Program,
  end: (code: ExitCode) => void,
  { onBucket, perform }: Performer,
): void {
  program.commandsGroup('Look:');
  program
    .command('status')
    .description('show the state of a batch')
    .argument('<id>', 'id of the batch')
    .option('-w, --watch', 'keep watching until the batch ends', false)
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch status prompts --watch'))
    .action(async (id, flags) =>
      end(await onBucket(async () => (await import('../watch/status.js')).status, { id, ...flags })),
    );

  program
    .command('list')
    .description('list all batches')
    .option('--limit <count>', 'maximum number of batches to list, newest first', wholeNumber(1, 1_000_000))
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch list --limit 20'))
    .action(async (flags) => end(await onBucket(async () => (await import('../watch/list.js')).list, flags)));
  program
    .command('failures')
    .description('list rows without an image, and why')
    .argument('<id>', 'id of the batch')
    .option('--csv', 'print failures.csv, to fix and resubmit', false)
    .option(
      '--limit <count>',
      'maximum number of rows to list (default: 50 in a table, all in JSON)',
      wholeNumber(1, 1_000_000),
    )
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch failures prompts --csv > again.csv'))
    .action(async (id, flags) =>
      end(await onBucket(async () => (await import('../results/failures.js')).failures, { id, ...flags })),
    );
  addResults(program, end, { onBucket });
  program
    .command('row')
    .description('show all about one row: jobs, charges, errors, and where its image is')
    .argument('<id>', 'id of the batch')
    .argument('<row>', 'id of the row, name of its image, or its line in the sheet')
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch row prompts lighthouse-keeper'))
    .action(async (id, rowId, flags) =>
      end(await onBucket(async () => (await import('../batch/row.js')).row, { id, rowId, ...flags })),
    );
  program
    .command('verify')
    .description('compare a finished batch with its bucket: files, counts, rows, images')
    .argument('<id>', 'id of the batch')
    .option('--deep', 'download and hash every image', false)
    .option(
      '--limit <count>',
      'maximum number of differences to list (default: 50 in a table, 100000 in JSON)',
      wholeNumber(1, 10_000_000),
    )
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch verify prompts --deep'))
    .action(async (id, flags) =>
      end(await onBucket(async () => (await import('../batch/verify.js')).verify, { id, ...flags })),
    );
  addExport(program, end, { onBucket });
  program
    .command('balance')
    .description("show the account's balance")
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch balance --json'))
    .action(async (flags) =>
      end(await perform(async () => (await import('../doctor/balance.js')).balance, flags)),
    );
  program
    .command('doctor')
    .description('check configuration, Temporal, bucket, API key and clock, and say what to fix')
    .option('--notify', 'send a test notice to BANANA_NOTIFY_URL and show the answer', false)
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch doctor'))
    .action(async (flags) =>
      end(await perform(async () => (await import('../doctor/doctor.js')).doctor, flags)),
    );
}

function addResults(
  program: Program,
  end: (code: ExitCode) => void,
  { onBucket }: Pick<Performer, 'onBucket'>,
): void {
  program
    .command('results')
    .description('print the sheet with the result of each row, also while the batch is running')
    .argument('<id>', 'id of the batch')
    .option('--to <file>', 'write to a local file instead of standard output')
    .option(
      '--xlsx [file]',
      'write an Excel workbook of text cells instead of CSV (default: ID-results.xlsx)',
    )
    .option(
      '--links <kind>',
      'add a column image_url: presigned:DURATION (up to 7d), or public:https://HOST that serves the bucket',
      linkKind,
    )
    .option('--overwrite', 'replace an existing file', false)
    .option('--json', 'with --to or --xlsx: print one JSON document that describes the written file', false)
    .addHelpText(
      'after',
      `${example('banana-batch results prompts --to prompts-results.csv', undefined, ['banana-batch results prompts --xlsx --links presigned:7d'])}
After the columns of the sheet come: ${RESULT_COLUMNS.join(', ')}.
Rows that are not finished are "pending". A finished batch has the same file in the bucket: results.csv.
`,
    )
    .action(async (id, flags) =>
      end(await onBucket(async () => (await import('../results/results.js')).results, { id, ...flags })),
    );
}

function addExport(
  program: Program,
  end: (code: ExitCode) => void,
  { onBucket }: Pick<Performer, 'onBucket'>,
): void {
  program
    .command('export')
    .description("export a batch's images and columns as shards for training tools")
    .argument('<id>', 'id of the batch')
    .addOption(
      new Option('--format <format>', 'format of the shards').choices(EXPORT_FORMATS).makeOptionMandatory(),
    )
    .requiredOption('--to <place>', 'a local folder, or s3://bucket/prefix/')
    .addOption(
      new Option('--shard-size <size>', 'approximate maximum size of a shard, 64KB to 4GB')
        .argParser(shardSize)
        .default(500 * 1024 ** 2, '500MB'),
    )
    .option('--overwrite', 'replace another export in the same place', false)
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText(
      'after',
      `${example('banana-batch export prompts --format parquet --to dataset', 'for Hugging Face datasets and pyarrow', ['banana-batch export prompts --format webdataset --to s3://my-datasets/prompts/'])}
Images are copied byte for byte. After an interruption the same command continues after the last complete shard.
`,
    )
    .action(async (id, flags) =>
      end(await onBucket(async () => (await import('../results/export.js')).exportCommand, { id, ...flags })),
    );
}
