// @ts-check
// The state of the contact sheet is in the page's URL, so that a view can be bookmarked and shared.
import { card, el } from './cards.js';
import { byId, chunkRows, filtered, loadChunk, lookOn, rows } from './data.js';

/** @typedef {import('./data.js').Alike} Alike */
/** @typedef {{page: number, find: string, row: number, chosen: Map<string, string>}} View */
/** @typedef {{key: string, search: import('./data.js').Search}} KeptSearch */

const PAGE = 100;

const selects = [...document.querySelectorAll('select')];
const findField = /** @type {HTMLInputElement} */ (byId('find'));
const statusLine = byId('status');
const main = byId('cards');
const pagers = [...document.querySelectorAll('nav')];
const clear = byId('clear');

/** @returns {View} */
function viewOf() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  /** @type {Map<string, string>} */
  const chosen = new Map();
  for (const select of selects) {
    const value = wanted.get(select.name);
    if (value !== null && [...select.options].some((option) => option.value === `=${value}`))
      chosen.set(select.name, value);
  }
  const number = (/** @type {string} */ name) => Math.max(0, Math.trunc(Number(wanted.get(name))) || 0);
  return { page: number('page') || 1, row: number('row'), find: wanted.get('find') ?? '', chosen };
}

/** @param {Partial<View>} view */
function addressOf({ page = 1, find = '', row = 0, chosen = new Map() }) {
  const wanted = new URLSearchParams(chosen.size > 0 ? [...chosen] : undefined);
  if (find) wanted.set('find', find);
  if (page > 1) wanted.set('page', String(page));
  if (row > 0) wanted.set('row', String(row));
  return `#${wanted}`;
}

/** @param {View} view */
function setControls({ chosen, find }) {
  for (const select of selects) {
    const value = chosen.get(select.name);
    select.value = value === undefined ? '' : `=${value}`;
    select.classList.toggle('chosen', value !== undefined);
    if (value !== undefined) select.closest('details')?.setAttribute('open', '');
  }
  if (findField.value.trim() !== find) findField.value = find;
  clear.hidden = chosen.size === 0 && find === '';
}

/**
 * @param {View['chosen']} chosen
 * @returns {[filters: {file: string, code: number}[], alikeFile: string | undefined]}
 */
function filtersOf(chosen) {
  /** @type {{file: string, code: number}[]} */
  const filters = [];
  let alikeFile;
  for (const select of selects) {
    const option = select.selectedOptions[0];
    if (!chosen.has(select.name) || !option) continue;
    const { file } = select.dataset;
    if (file) filters.push({ file, code: Number(option.dataset['code']) });
    else alikeFile = option.dataset['file'];
  }
  return [filters, alikeFile];
}

function controlsChanged() {
  /** @type {Map<string, string>} */
  const chosen = new Map();
  for (const select of selects) if (select.value) chosen.set(select.name, select.value.slice(1));
  location.replace(addressOf({ chosen, find: findField.value.trim() }));
}

/** @param {number} value */
const n = (value) => value.toLocaleString('en');

let turn = 0;
/** @type {KeptSearch | undefined} */
let kept;

async function show() {
  const mine = ++turn;
  const isCurrent = () => mine === turn;
  const view = viewOf();
  setControls(view);
  main.setAttribute('aria-busy', 'true');
  try {
    const { shown, alike, count, exact, page } = await choose(view, isCurrent);
    const chunks = new Map();
    const needed = new Set(Array.from(shown, (position) => Math.floor(position / chunkRows)));
    await Promise.all([...needed].map(async (chunk) => chunks.set(chunk, await loadChunk(chunk))));
    if (!isCurrent()) return;
    const cards = Array.from(shown, (position) => {
      const row = chunks.get(Math.floor(position / chunkRows))?.[position % chunkRows];
      return row
        ? card(row, position, alike, addressOf({ row: position + 1 }), view.row === position + 1)
        : '';
    });
    main.replaceChildren(...(count === 0 ? [el('p', 'empty', ['No rows match.'])] : cards));
    tell(view, { count, exact, page });
    if (view.row > 0) document.getElementById(`row-${view.row}`)?.scrollIntoView({ block: 'center' });
  } catch {
    if (!isCurrent()) return;
    main.replaceChildren(
      el('p', 'empty', [
        'The rows of this page cannot be read. The batch was run again (then reload the page), or the page was copied without the folder ',
        el('code', '', ['contact-sheet/']),
        ' beside it.',
      ]),
    );
    for (const pager of pagers) pager.replaceChildren();
    statusLine.textContent = '';
  } finally {
    if (isCurrent()) main.removeAttribute('aria-busy');
  }
}

/**
 * @param {View} view
 * @param {() => boolean} isCurrent
 * @returns {Promise<{shown: number[], alike: Alike | undefined, count: number, exact: boolean, page: number}>}
 */
async function choose({ chosen, find, page: wantedPage, row }, isCurrent) {
  const pageOfRow = row > 0 && chosen.size === 0 && find === '' ? Math.ceil(row / PAGE) : 0;
  const wanted = pageOfRow || wantedPage;
  const key = addressOf({ chosen, find });
  const { positions, alike } = await filtered(...filtersOf(chosen));
  let found = positions;
  let exact = true;
  if (find !== '') {
    if (kept?.key !== key) kept = { key, search: { find, candidates: found, matches: [], next: 0 } };
    const { search } = kept;
    await lookOn(search, wanted * PAGE + 1, (share) => {
      if (isCurrent()) statusLine.textContent = `Searching … ${Math.round(share * 100)} %`;
      return isCurrent();
    });
    exact = search.next >= (search.candidates?.length ?? rows);
    found = search.matches;
  }
  const count = found?.length ?? rows;
  const page = Math.min(wanted, Math.max(1, Math.ceil(count / PAGE)));
  const first = (page - 1) * PAGE;
  const length = Math.max(0, Math.min(PAGE, count - first));
  const shown = Array.from({ length }, (_, at) => found?.[first + at] ?? first + at);
  return { shown, alike, count, exact, page };
}

/**
 * Shows the number of rows, and links to their other pages.
 * @param {View} view
 * @param {{count: number, exact: boolean, page: number}} found
 */
function tell(view, { count, exact, page }) {
  const isAll = view.chosen.size === 0 && view.find === '';
  const least = exact ? '' : 'at least ';
  if (isAll) statusLine.textContent = `${n(rows)} ${rows === 1 ? 'row' : 'rows'}`;
  else statusLine.textContent = `${least}${n(count)} of ${n(rows)} rows`;
  const pages = Math.max(1, Math.ceil(count / PAGE));
  for (const pager of pagers) pager.replaceChildren(...pagerOf(view, page, pages, exact));
}

/**
 * @param {View} view
 * @param {number} page
 * @param {number} pages
 * @param {boolean} exact
 */
function pagerOf({ chosen, find }, page, pages, exact) {
  if (pages === 1) return [];
  const link = (/** @type {number} */ target, /** @type {string} */ name) => {
    const a = el('a', '', [name]);
    a.setAttribute('href', addressOf({ chosen, find, page: target }));
    return a;
  };
  const field = /** @type {HTMLInputElement} */ (el('input', '', []));
  Object.assign(field, { type: 'number', min: '1', max: String(pages), value: String(page) });
  field.addEventListener('change', () => {
    const target = Math.min(pages, Math.max(1, Math.trunc(Number(field.value)) || 1));
    location.hash = addressOf({ chosen, find, page: target });
  });
  const label = el('label', '', [
    'Page ',
    field,
    ` of ${pages.toLocaleString('en')}${exact ? '' : ' or more'}`,
  ]);
  return [
    ...(page > 1 ? [link(1, 'First'), link(page - 1, '← Previous')] : []),
    label,
    ...(page < pages ? [link(page + 1, 'Next →')] : []),
    ...(page < pages && exact ? [link(pages, 'Last')] : []),
  ];
}

for (const select of selects) select.addEventListener('change', controlsChanged);
let typing = 0;
findField.addEventListener('input', () => {
  clearTimeout(typing);
  typing = Number(setTimeout(controlsChanged, 300));
});
byId('filters').addEventListener('submit', (event) => event.preventDefault());
clear.addEventListener('click', () => {
  location.replace(addressOf({}));
  findField.value = '';
});
addEventListener('hashchange', () => {
  void show();
  // Scroll to the new cards, unless one of them is the target.
  if (viewOf().row === 0 && scrollY > byId('filters').offsetTop) byId('filters').scrollIntoView();
});
if (rows > 0) {
  byId('filters').hidden = false;
  void show();
}
