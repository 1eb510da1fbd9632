import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { Tally } from '../domain/batch/tally.js';
import type { CardCounts } from './card-counts.js';

/** The file that the Hugging Face Hub shows for a folder, and whose header it reads. */
export const CARD_NAME = 'README.md';

/** A column in the card's list. */
export interface CardColumn {
  readonly name: string;
  readonly type: string;
}

/** The content of a card. It shows nothing of the rows except column names. */
export interface CardFacts {
  readonly batchId: string;
  readonly runSeq: number;
  /** Identifies the data, in words and hex: readers that cache datasets by their cards distinguish them by it. */
  readonly content: string;
  readonly counts: CardCounts;
  readonly tally: Tally;
  /** Rows whose image in the bucket was damaged when the data were written. */
  readonly damaged?: number;
  /** The data files of the one split, as a pattern. */
  readonly dataFiles: string;
  /** More fields of the header that readers cannot derive themselves. */
  readonly header?: Readonly<Record<string, unknown>>;
  readonly columns: readonly CardColumn[];
  /** The layout of the data, in a sentence or two. */
  readonly layout: string;
  /** Python lines that load it. */
  readonly loading: readonly string[];
}

/** A card in Markdown with the YAML header of the Hub; ends with a digest of itself, which reveals edits. */
export function datasetCard(facts: CardFacts): string {
  const text = [...headerLines(facts), ...bodyLines(facts)].join('\n');
  return `${text}\n\n${signature(text)}\n`;
}

/** A card to store. */
export interface PlacedCard {
  readonly text: string;
  /** A person has edited the card made by `datasetCard`; the edits stay. */
  readonly isEdited: boolean;
}

/**
 * The card that replaces `present`. If that is not, byte for byte, a card made by `datasetCard`, it stays except for
 * the description of its config, which identifies the data: unchanged, a reader's cache would take the data for
 * earlier ones.
 */
export function cardToPlace(card: string, present: string | undefined): PlacedCard {
  if (present === undefined) return { text: card, isEdited: false };
  const end = present.lastIndexOf('\n\n<!--');
  const text = present.slice(0, Math.max(end, 0));
  if (present === `${text}\n\n${signature(text)}\n`) return { text: card, isEdited: false };
  return { text: withDescriptionOf(card, present), isEdited: true };
}

/** The line of a card's header that `datasetCard` writes. */
const DESCRIPTION = /^([ \t-]*description: )(["']?)Batch [^\r\n]*?, run \d+, [^\r\n]*?\2(?=[ \t]*\r?$)/m;

function withDescriptionOf(card: string, present: string): string {
  const header = /^\uFEFF?---\r?\n[^]*?\r?\n---[ \t]*(?:\r?\n|$)/.exec(present)?.[0];
  const [line, key = ''] = DESCRIPTION.exec(card) ?? [];
  if (header === undefined || line === undefined) return present;
  const description = line.slice(key.length);
  const renewed = header.replace(DESCRIPTION, (_, ownKey: string) => `${ownKey}${description}`);
  return `${renewed}${present.slice(header.length)}`;
}

function signature(text: string): string {
  const digest = createHash('sha256').update(text).digest('hex');
  return `<!-- Written by banana-batch, which updates this file only while the text above is unchanged: ${digest} -->`;
}

const SIZES: readonly (readonly [below: number, category: string])[] = [
  [1_000, 'n<1K'],
  [10_000, '1K<n<10K'],
  [100_000, '10K<n<100K'],
  [1_000_000, '100K<n<1M'],
  [10_000_000, '1M<n<10M'],
];

function headerLines({ batchId, runSeq, content, counts, dataFiles, header }: CardFacts): readonly string[] {
  const [, size = '10M<n<100M'] = SIZES.find(([below]) => counts.images < below) ?? [];
  const fields = {
    pretty_name: batchId,
    task_categories: ['text-to-image'],
    tags: ['synthetic', 'image'],
    size_categories: [size],
    configs: [
      {
        config_name: 'default',
        // Part of the key of the cache of `datasets`, which otherwise cannot distinguish two folders of the same name.
        description: `Batch ${batchId}, run ${runSeq}, ${content}`,
        data_files: [{ split: 'train', path: dataFiles }],
      },
    ],
    ...header,
  };
  // Readers follow YAML 1.1, in which more words are not strings.
  const yaml = stringify(fields, { version: '1.1', lineWidth: 0 }).trimEnd();
  return ['---', '# Choose a licence, for example:', '# license: cc-by-4.0', yaml, '---', ''];
}

function bodyLines(facts: CardFacts): readonly string[] {
  const { batchId, runSeq, counts, tally, damaged = 0, columns, layout, loading } = facts;
  const missing = (['failed', 'rejected', 'cancelled'] as const)
    .filter((end) => tally[end] > 0)
    .map((end) => `${tally[end]} ${end}`);
  if (damaged > 0) missing.push(`${damaged} whose image in the bucket is damaged`);
  return [
    `# ${batchId}`,
    '',
    `${counts.images} images made from prompts by BananaHub models, batch \`${batchId}\`, run ${runSeq}. Rows without an image: ${missing.join(', ') || 'none'}.`,
    '',
    layout,
    '',
    '```python',
    ...loading,
    '```',
    '',
    '## Images',
    ...counts.breakdowns.flatMap(({ title, counts: values }) => [
      '',
      `| ${title} | Images |`,
      '| --- | ---: |',
      ...values.map(([value, count]) => `| ${code(value)} | ${count} |`),
    ]),
    '',
    '## Columns',
    '',
    '| Column | Type |',
    '| --- | --- |',
    ...columns.map(({ name, type }) => `| ${code(name)} | ${type} |`),
    '',
    '## Licence',
    '',
    'No licence is set. Choose one before you share the images, and add it to the header of this file.',
  ];
}

/** Text as code in a table cell. */
function code(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\s]+/gu, ' ').replaceAll('|', '\\|');
  const longest = Math.max(0, ...Array.from(line.matchAll(/`+/g), ([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  const gap = longest > 0 || line === '' ? ' ' : '';
  return `${fence}${gap}${line}${gap}${fence}`;
}
