import { htmlEscape } from 'escape-goat';
import prettyBytes from 'pretty-bytes';
import type { JsonValue } from '../domain/json.js';
import type { ImageFacts, RowOutcome } from '../domain/outcome.js';
import type { PromptRow } from '../domain/row.js';
import { linkToObject } from './contact-sheet-links.js';
import { imageFileAt } from '../storage/layout.js';
import { labelsOf } from './metadata-line.js';

/** Labels shown at a glance; all of them are in the details. */
const CHIPS = 6;

/**
 * One row as a card: its image and prompt, or why there is none. Its anchor is `row-` and the row's position;
 * `page` is the page on which it stands, from 1. Input images are only counted: their URLs may be presigned.
 */
export function contactSheetCard(row: PromptRow, outcome: RowOutcome, page: number): string {
  const labels = shownLabels(row);
  const caption = [details(row, outcome, labels), facts(row, outcome), rowLink(row), chips(labels)];
  return `${htmlEscape`<article class="card" id="row-${row.position}">`}
${picture(row, outcome, page)}
<div class="caption">${caption.join('\n')}</div>
</article>
`;
}

function picture(row: PromptRow, outcome: RowOutcome, page: number): string {
  const { end } = outcome;
  if (end.kind === 'stored') return image(row, outcome, end.image, page);
  if (end.kind === 'failed') return panel('failed', `Failed: ${end.failure}`, end.message, outcome);
  return panel(end.kind, 'Cancelled', 'The batch was cancelled before this row was done.', outcome);
}

function image(
  row: PromptRow,
  outcome: RowOutcome,
  { type, width, height }: ImageFacts,
  page: number,
): string {
  const link = linkToObject(page, outcome.imageKey ?? `images/train/${row.imageName}.${type}`);
  const ratio = (width / height).toFixed(4);
  return htmlEscape`<a class="frame" href="${link}" style="--ratio:${ratio}"><img src="${link}" alt="${row.prompt}" width="${width}" height="${height}" loading="lazy" decoding="async" lang=""></a>`;
}

function panel(kind: string, title: string, message: string, outcome: RowOutcome): string {
  return htmlEscape`<div class="none ${kind}"><strong>${title}</strong><span dir="auto">${message}</span><span class="used">${spent(outcome)}</span></div>`;
}

/** What a row without an image used, as far as it is known. */
function spent({ generations }: RowOutcome): string {
  const used = generations.length;
  if (used === 0) return 'No generation used';
  const charged = generations.filter((generation) => generation.charged === 'yes').length;
  const unknown = generations.filter((generation) => generation.charged === 'unknown').length;
  return [
    `${used} generation${used === 1 ? '' : 's'} used`,
    charged > 0 ? `${charged} charged` : '',
    unknown > 0 ? `${unknown} with unknown charge` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** Opens without a script: the prompt in full, and what there is no room for beside the image. */
function details(
  row: PromptRow,
  outcome: RowOutcome,
  labels: readonly (readonly [string, string])[],
): string {
  const { end, generations, imageKey } = outcome;
  const jobIds = generations.flatMap(({ jobId }) => jobId ?? []);
  const entries: (readonly [string, string])[] = [
    ['line', String(row.line)],
    ...(imageKey === undefined ? [] : [['file', imageFileAt(imageKey)] as const]),
    ...(end.kind === 'stored' ? [['size', prettyBytes(end.image.sizeBytes)] as const] : []),
    ...(row.inputImages.length > 0 ? [['input images', String(row.inputImages.length)] as const] : []),
    ...(jobIds.length > 0 ? [[jobIds.length === 1 ? 'job' : 'jobs', jobIds.join('\n')] as const] : []),
    ...labels,
  ];
  const list = entries.map(
    ([name, value]) => htmlEscape`<dt>${name}</dt><dd dir="auto" lang="">${value}</dd>`,
  );
  const prompt = htmlEscape`<span class="prompt" dir="auto" lang="" title="${row.prompt}">${row.prompt}</span>`;
  return `<details><summary>${prompt}</summary><dl class="more">${list.join('')}</dl></details>`;
}

function facts(row: PromptRow, { end }: RowOutcome): string {
  const size = end.kind === 'stored' ? [`${end.image.width} × ${end.image.height}`] : [];
  return htmlEscape`<p class="facts">${[row.model, row.aspectRatio, row.resolution, ...size].join(' · ')}</p>`;
}

function rowLink(row: PromptRow): string {
  return htmlEscape`<p class="row"><a href="#row-${row.position}"><bdi>${row.rowId}</bdi></a></p>`;
}

function chips(labels: readonly (readonly [string, string])[]): string {
  if (labels.length === 0) return '';
  const shown = labels
    .slice(0, CHIPS)
    .map(
      ([name, value]) =>
        htmlEscape`<li title="${name}: ${value}"><span class="name">${name}</span> <bdi lang="">${value}</bdi></li>`,
    );
  const rest = labels.length > CHIPS ? htmlEscape`<li class="rest">+${labels.length - CHIPS}</li>` : '';
  return `<ul class="chips">${shown.join('')}${rest}</ul>`;
}

/** The carried columns that say something, as text. */
function shownLabels(row: PromptRow): readonly (readonly [string, string])[] {
  return Object.entries(labelsOf(row))
    .map(([name, value]) => [name, textOf(value)] as const)
    .filter(([, text]) => text !== '');
}

function textOf(value: JsonValue): string {
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
