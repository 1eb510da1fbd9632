import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { htmlEscape } from 'escape-goat';
import { FAILURE_KINDS } from '../../domain/rows/failure-kind.js';
import type { Tally } from '../../domain/batch/tally.js';
import type { Facet } from './facets.js';
import { linkToObject, type ContactSheetRow } from './row.js';
import { CONTACT_SHEET_STYLE } from './style.js';

/** Rows that are in the page itself, for browsers without scripts. */
export const ROWS_WITHOUT_SCRIPT = 48;

/** A list of rows that the sheet can show in a separate order: identical or similar images, group by group. */
export interface AlikeList {
  readonly name: 'same-bytes' | 'near-duplicates';
  /** Number of images of that kind; the sheet may list fewer. */
  readonly images: number;
}

/** The content of a contact sheet's page. */
export interface ContactSheetPage {
  readonly batchId: string;
  readonly tally: Tally;
  /** When the batch was sealed, or its canary made. ISO 8601, UTC. */
  readonly sealedAt: string;
  /** The folder of the page's data, relative to it; ends with `/`. */
  readonly folder: string;
  readonly rows: number;
  /** Number of rows of each data file except the last. */
  readonly chunkRows: number;
  /** Carried columns; rows refer to them by index. */
  readonly columns: readonly string[];
  readonly facets: readonly Omit<Facet, 'codes'>[];
  readonly alike: readonly AlikeList[];
  /** The path from the page to the batch's root: empty, or ends with `/`. Default empty. */
  readonly root?: string;
  /** Set on the page of a canary: the text about it. The files of a seal do not exist yet. */
  readonly canary?: string;
  readonly firstRows: readonly ContactSheetRow[];
}

/** One script with all modules of the page: a page opened from a folder cannot load modules. */
const SCRIPT = `{\n'use strict';\n${['data', 'cards', 'view'].map((name) => moduleText(name)).join('\n')}}`;

function moduleText(name: string): string {
  const text = readFileSync(new URL(`./page/${name}.js`, import.meta.url), 'utf8');
  return text.replaceAll(/^import [^;]*;\n/gm, '').replaceAll(/^export /gm, '');
}

/**
 * The page runs only its own script and those in its folder or bucket, and loads nothing from elsewhere. Includes
 * `file:` because a page opened from a folder has no `'self'`.
 */
const SECURITY_POLICY = [
  "default-src 'none'",
  "img-src 'self' file: data:",
  "style-src 'unsafe-inline'",
  `script-src 'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}' 'self' file:`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/**
 * The page of a contact sheet: the batch's counts and files, filters, and the script that shows the rows. All its
 * links are relative, so it works from the bucket and from a folder.
 */
export function contactSheetPage(page: ContactSheetPage): string {
  const { batchId, tally, sealedAt, rows, chunkRows, folder, root = '', columns, canary } = page;
  const made = canary === undefined ? 'Finished' : 'Sample rows made';
  const sealed = `${sealedAt.slice(0, 16).replace('T', ' ')} UTC`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${SECURITY_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
${htmlEscape`<title>${batchId}</title>`}
<link rel="icon" href="data:,">
<style>${CONTACT_SHEET_STYLE}</style>
</head>
<body>
<header>
${htmlEscape`<h1>${batchId}</h1>`}
${htmlEscape`<p class="sealed">${made} <time datetime="${sealedAt}">${sealed}</time></p>`}${canary === undefined ? '' : htmlEscape`<p>${canary}</p>`}
${bar(tally)}
${counts(tally)}
${files(page)}
</header>
${filters(page)}
<main id="cards">
${withoutScript(page)}
</main>
<footer><nav class="pages" aria-label="Pages, below the rows"></nav></footer>
<script type="application/json" id="index">${scriptJson({ rows, chunkRows, folder, root, columns })}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** A data file of the page, without its `.js`. */
export function contactSheetFile(name: string, data: unknown): string {
  return `bananaSheet(${scriptJson(name)},${scriptJson(data)})\n`;
}

/** JSON that can neither end a script element nor a line of a script. */
function scriptJson(data: unknown): string {
  return JSON.stringify(data).replaceAll(
    /[<\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function bar({ stored, failed, rejected, cancelled }: Tally): string {
  const shares = { stored, failed, rejected, cancelled };
  const spans = Object.entries(shares)
    .filter(([, rows]) => rows > 0)
    .map(([name, rows]) => htmlEscape`<span class="${name}" style="flex-grow:${rows}"></span>`);
  return `<div class="bar" aria-hidden="true">${spans.join('')}</div>`;
}

function counts(tally: Tally): string {
  const { stored, failed, rejected, cancelled, total } = tally;
  const kinds = FAILURE_KINDS.flatMap((kind) => {
    const rows = tally.failuresByKind[kind] ?? 0;
    return rows > 0 ? [htmlEscape`<a href="#outcome=${kind}">${grouped(rows)} ${kind}</a>`] : [];
  });
  const byKind = kinds.length > 0 ? ` <span class="kinds">${kinds.join(', ')}</span>` : '';
  return [
    '<dl class="counts">',
    count('stored', stored),
    failed > 0 ? count('failed', failed, byKind) : '',
    rejected > 0 ? count('rejected', rejected) : '',
    cancelled > 0 ? count('cancelled', cancelled) : '',
    count('total', total),
    '</dl>',
  ].join('');
}

function count(name: string, rows: number, detailHtml = ''): string {
  return `<div>${htmlEscape`<dt>${name}</dt><dd>${grouped(rows)}`}${detailHtml}</dd></div>`;
}

/** `failures.csv` includes cancelled rows, since they can be submitted again. */
function files({ tally, alike, canary }: ContactSheetPage): string {
  if (canary !== undefined) return '';
  const keys = [
    'report.json',
    'images/train/metadata.jsonl',
    ...(tally.failed + tally.cancelled > 0 ? ['failures.csv'] : []),
    ...(tally.rejected > 0 ? ['rejects.csv'] : []),
    ...(alike.some(({ name }) => name === 'near-duplicates') ? ['near-duplicates.csv'] : []),
  ];
  const links = keys.map((key) => htmlEscape`<li><a href="${linkToObject(key)}">${key}</a></li>`);
  return `<ul class="files">${links.join('')}</ul>`;
}

/** Filters shown initially; the rest can be expanded. */
const FILTERS_AT_ONCE = 6;

/** Hidden until the script runs, since none of it works without. */
function filters({ facets, alike }: ContactSheetPage): string {
  const selects = [...facets.map((facet, at) => select(facet, facetFile(at))), ...alikeSelect(alike)];
  const [shown, rest] = [selects.slice(0, FILTERS_AT_ONCE), selects.slice(FILTERS_AT_ONCE)];
  const more = `<details><summary>${rest.length} more ${rest.length === 1 ? 'filter' : 'filters'}</summary><div class="fields">${rest.join('')}</div></details>`;
  return `<form id="filters" hidden>
<div class="fields"><label class="find"><span>Find</span><input id="find" type="search" placeholder="words in prompts, names, ids or labels; a line number" autocomplete="off" spellcheck="false"></label>${shown.join('')}</div>
${rest.length > 0 ? more : ''}
<div class="pages"><p id="status" role="status"></p><button id="clear" type="button" hidden>Show all</button><nav class="pages" aria-label="Pages"></nav></div>
</form>`;
}

/** The name of a facet's data file. */
export function facetFile(facet: number): string {
  return `filter-${String(facet).padStart(2, '0')}`;
}

function select({ key, title, values }: Omit<Facet, 'codes'>, file: string): string {
  const options = values.map(
    ({ text, code, rows }) =>
      htmlEscape`<option value="=${text}" data-code="${code}">${text || '(empty)'} (${grouped(rows)})</option>`,
  );
  return `${htmlEscape`<label><span>${title}</span><select name="${key}" data-file="${file}"><option value="">any</option>`}${options.join('')}</select></label>`;
}

function alikeSelect(alike: readonly AlikeList[]): readonly string[] {
  const options = alike
    .filter(({ images }) => images > 0)
    .map(({ name, images }) => {
      const text = name === 'same-bytes' ? 'identical files' : 'similar images';
      return htmlEscape`<option value="=${name}" data-file="${name}">${text} (${grouped(images)})</option>`;
    });
  if (options.length === 0) return [];
  return [
    `<label><span>Duplicates</span><select name="alike"><option value="">any</option>${options.join('')}</select></label>`,
  ];
}

/** The first rows in a simple form. */
function withoutScript({ rows, root = '', canary, firstRows }: ContactSheetPage): string {
  if (rows === 0) return '<p class="empty">No rows were accepted.</p>';
  const figures = firstRows.map(({ prompt, image, none }) => {
    const source = image?.thumbnail ? `thumbnails/${image.thumbnail}.webp` : image?.link;
    const picture = image
      ? htmlEscape`<a href="${root}${image.link}"><img src="${root}${source ?? ''}" alt="" width="${image.width}" height="${image.height}" loading="lazy"></a>`
      : htmlEscape`<strong>${none?.title ?? ''}</strong>`;
    return `<figure>${picture}${htmlEscape`<figcaption dir="auto" lang="">${prompt}</figcaption>`}</figure>`;
  });
  const all = `Without it, <a href="images/train/metadata.jsonl">metadata.jsonl</a> lists all images.`;
  const rest =
    rows > firstRows.length
      ? `<p class="empty">These are the first ${firstRows.length} of ${grouped(rows)} rows: the others need JavaScript. ${canary === undefined ? all : ''}</p>`
      : '';
  return `<noscript>${rest}${figures.join('')}</noscript>`;
}

function grouped(value: number): string {
  return value.toLocaleString('en');
}
