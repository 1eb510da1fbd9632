import { htmlEscape } from 'escape-goat';
import { FAILURE_KINDS } from '../domain/failure-kind.js';
import type { Tally } from '../domain/tally.js';
import { linkToObject, linkToPage } from './contact-sheet-links.js';
import { CONTACT_SHEET_STYLE } from './contact-sheet-style.js';

export { contactSheetCard } from './contact-sheet-card.js';

/** Images on one page: few enough that a browser shows it at once. */
export const CARDS_PER_PAGE = 300;

/** What a page of the contact sheet says about its batch. */
export interface ContactSheetPage {
  readonly batchId: string;
  /** From 1. */
  readonly page: number;
  readonly pages: number;
  readonly tally: Tally;
  /** ISO 8601, UTC. */
  readonly sealedAt: string;
}

/** A page without scripts, and one that loads nothing but its images. `file:` since a page from a folder has no `'self'`. */
const SECURITY_POLICY =
  "default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/**
 * The text before the cards of a page: the document's head, and the batch's counts, files and pages.
 * The page holds no script, and all its links are relative, so it works from the bucket and from a folder alike.
 */
export function contactSheetStart(page: ContactSheetPage): string {
  const { batchId, tally, sealedAt } = page;
  const sealed = `${sealedAt.slice(0, 16).replace('T', ' ')} UTC`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${SECURITY_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
${htmlEscape`<title>${titleOf(page)}</title>`}
<link rel="icon" href="data:,">
<style>${CONTACT_SHEET_STYLE}</style>
</head>
<body>
<header>
${htmlEscape`<h1>${batchId}</h1>`}
${htmlEscape`<p class="sealed">Sealed <time datetime="${sealedAt}">${sealed}</time></p>`}
${bar(tally)}
${counts(tally)}
${files(page)}
${pageLinks(page)}
</header>
<main>
${tally.total === tally.rejected ? '<p class="empty">No rows were accepted.</p>\n' : ''}`;
}

/** The text after the cards of a page. */
export function contactSheetEnd(page: ContactSheetPage): string {
  const links = pageLinks(page);
  return `</main>\n${links && `<footer>\n${links}\n</footer>\n`}</body>\n</html>\n`;
}

function titleOf({ batchId, page, pages }: ContactSheetPage): string {
  return pages === 1 ? batchId : `${batchId} · ${page} / ${pages}`;
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
    return rows > 0 ? [`${grouped(rows)} ${kind}`] : [];
  });
  const byKind = kinds.length > 0 ? htmlEscape` <span class="kinds">${kinds.join(', ')}</span>` : '';
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

/** Cancelled rows are in `failures.csv` too, since they can be submitted again. */
function files({ page, tally }: ContactSheetPage): string {
  const keys = [
    'report.json',
    'images/train/metadata.jsonl',
    ...(tally.failed + tally.cancelled > 0 ? ['failures.csv'] : []),
    ...(tally.rejected > 0 ? ['rejects.csv'] : []),
  ];
  const links = keys.map((key) => htmlEscape`<li><a href="${linkToObject(page, key)}">${key}</a></li>`);
  return `<ul class="files">${links.join('')}</ul>`;
}

/** Empty where there is one page only. */
function pageLinks({ page, pages }: ContactSheetPage): string {
  if (pages <= 1) return '';
  const link = (target: number, rel: string, name: string) =>
    htmlEscape`<a rel="${rel}" href="${linkToPage(page, target)}">${name}</a>`;
  const back = page > 1 ? [link(1, 'first', 'First'), link(page - 1, 'prev', '← Previous')] : [];
  const onward = page < pages ? [link(page + 1, 'next', 'Next →'), link(pages, 'last', 'Last')] : [];
  const place = htmlEscape`<p>Page ${grouped(page)} of ${grouped(pages)}</p>`;
  return `<nav class="pages" aria-label="Pages">${[...back, place, ...onward].join('')}</nav>`;
}

function grouped(value: number): string {
  return value.toLocaleString('en');
}
