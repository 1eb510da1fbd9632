import { Option, type Command as Program } from 'commander';
import type { ExitCode } from '../commands/command-context.js';
import type { ExportOptions } from '../commands/export.js';
import type { ResultsOptions } from '../commands/results.js';
import { linkKind } from '../commands/result-links.js';
import { shardSize, wholeNumber } from '../commands/option-parsers.js';
import { RESULT_COLUMNS } from '../domain/result-columns.js';
import { EXPORT_FORMATS } from '../export/export-format.js';
import { example, type Performer } from './perform.js';

/** The commands that change nothing. */
export function addLookCommands(
  program: Program,
  end: (code: ExitCode) => void,
  { look, perform }: Performer,
): void {
  program.commandsGroup('Look:');
  program
    .command('status')
    .description('where a batch is')
    .argument('<id>', 'the batch')
    .option('-w, --watch', 'until it ends', false)
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch status prompts --watch'))
    .action(async (id: string, flags: { watch: boolean; json: boolean }) =>
      end(await look(async () => (await import('../commands/status.js')).status, { id, ...flags })),
    );

  program
    .command('list')
    .description('all batches')
    .option('--limit <count>', 'only the newest so many', wholeNumber(1, 1_000_000))
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch list --limit 20'))
    .action(async (flags: { limit?: number; json: boolean }) =>
      end(await look(async () => (await import('../commands/list.js')).list, flags)),
    );
  program
    .command('failures')
    .description('what did not become an image, and why')
    .argument('<id>', 'the batch')
    .option('--csv', 'print failures.csv itself, to mend and submit', false)
    .option(
      '--limit <count>',
      'most rows to list (default: 50 in a table, all in JSON)',
      wholeNumber(1, 1_000_000),
    )
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch failures prompts --csv > again.csv'))
    .action(async (id: string, flags: { csv: boolean; limit?: number; json: boolean }) =>
      end(await look(async () => (await import('../commands/failures.js')).failures, { id, ...flags })),
    );
  addResults(program, end, { look });
  program
    .command('row')
    .description("one row's whole story: jobs, charges, errors, where its image lies")
    .argument('<id>', 'the batch')
    .argument('<row>', "the row's id, the name of its image, or its line in the sheet")
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch row prompts lighthouse-keeper'))
    .action(async (id: string, rowId: string, flags: { json: boolean }) =>
      end(await look(async () => (await import('../commands/row.js')).row, { id, rowId, ...flags })),
    );
  program
    .command('verify')
    .description('compare a sealed batch with its bucket: files, counts, rows, images')
    .argument('<id>', 'the batch')
    .option('--deep', 'read and hash every image', false)
    .option(
      '--limit <count>',
      'most differences to list (default: 50 in a table, 100000 in JSON)',
      wholeNumber(1, 10_000_000),
    )
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch verify prompts --deep'))
    .action(async (id: string, flags: { deep: boolean; limit?: number; json: boolean }) =>
      end(await look(async () => (await import('../commands/verify.js')).verify, { id, ...flags })),
    );
  addExport(program, end, { look });
  program
    .command('balance')
    .description('what the account of the configured API key holds')
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch balance --json'))
    .action(async (flags: { json: boolean }) =>
      end(await perform(async () => (await import('../commands/balance.js')).balance, flags)),
    );
  program
    .command('doctor')
    .description('check configuration, Temporal, bucket, key and clock, and say what to mend')
    .option('--notify', 'send a test notice to BANANA_NOTIFY_URL, and say what came back', false)
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch doctor'))
    .action(async (flags: { notify: boolean; json: boolean }) =>
      end(await perform(async () => (await import('../commands/doctor.js')).doctor, flags)),
    );
}

function addResults(
  program: Program,
  end: (code: ExitCode) => void,
  { look }: Pick<Performer, 'look'>,
): void {
  program
    .command('results')
    .description('the sheet as it was given, with what became of each row; also while the batch runs')
    .argument('<id>', 'the batch')
    .option('--to <file>', 'write a local file instead of standard output')
    .option('--xlsx [file]', 'an Excel workbook of text cells instead of CSV (default: ID-results.xlsx)')
    .option(
      '--links <kind>',
      'add image_url: presigned:7d (7d at most), or public:https://HOST of the bucket',
      linkKind,
    )
    .option('--overwrite', 'replace a file that exists', false)
    .option('--json', 'with a file: one JSON document on standard output that says what was written', false)
    .addHelpText(
      'after',
      `${example('banana-batch results prompts --to prompts-results.csv')}  $ banana-batch results prompts --xlsx --links presigned:7d
Behind the columns of the sheet it has: ${RESULT_COLUMNS.join(', ')}.
Rows that have not ended yet are "pending". A finished batch has the same file in the bucket: results.csv.
`,
    )
    .action(async (id: string, flags: Omit<ResultsOptions, 'id'>) =>
      end(await look(async () => (await import('../commands/results.js')).results, { id, ...flags })),
    );
}

function addExport(program: Program, end: (code: ExitCode) => void, { look }: Pick<Performer, 'look'>): void {
  program
    .command('export')
    .description("a batch's images and columns as shards that training tools load")
    .argument('<id>', 'the batch')
    .addOption(
      new Option('--format <format>', 'what the shards are').choices(EXPORT_FORMATS).makeOptionMandatory(),
    )
    .requiredOption('--to <place>', 'a folder, or s3://bucket/prefix/')
    .addOption(
      new Option('--shard-size <size>', 'what a shard takes at most, about, 64KB to 4GB')
        .argParser(shardSize)
        .default(500 * 1024 ** 2, '500MB'),
    )
    .option('--overwrite', 'take the place of another export that lies there', false)
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText(
      'after',
      `${example('banana-batch export prompts --format parquet --to dataset', 'for Hugging Face datasets and pyarrow')}  $ banana-batch export prompts --format webdataset --to s3://my-datasets/prompts/\n
Images keep their bytes. However it ends, the same command goes on after the last shard that is whole.
`,
    )
    .action(async (id: string, flags: Omit<ExportOptions, 'id'>) =>
      end(await look(async () => (await import('../commands/export.js')).exportCommand, { id, ...flags })),
    );
}
