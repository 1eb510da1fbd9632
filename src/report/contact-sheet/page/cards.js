// @ts-check
// The cards of the contact sheet. Whatever a row says is text.
import { columns, fileOf, root } from './data.js';

/** @typedef {import('./data.js').Row} Row */
/** @typedef {import('./data.js').Alike} Alike */

const CHIPS = 6;

/**
 * @param {string} name
 * @param {string} className
 * @param {(Node | string)[]} children
 */
export function el(name, className, children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/**
 * Text of the user's own, in whatever language and direction.
 * @template {HTMLElement} T
 * @param {T} element
 */
function own(element) {
  element.dir = 'auto';
  element.lang = '';
  return element;
}

/**
 * @param {Row} row
 * @param {number} position
 * @param {Alike | undefined} alike
 * @param {string} address
 * @param {boolean} isTarget
 */
export function card(row, position, alike, address, isTarget) {
  const place = alike?.positions.indexOf(position) ?? -1;
  const caption = el('div', 'caption', [details(row), el('p', 'facts', [row.facts.join(' · ')])]);
  if (alike && place >= 0) {
    const bits = alike.bits[place];
    const apart = bits ? ` · ${bits} of 64 bits apart` : '';
    caption.append(el('p', 'alike', [`Group ${alike.groups[place]}${apart}`]));
  }
  const link = el('a', '', [el('bdi', '', [row.name ?? row.id])]);
  link.setAttribute('href', address);
  caption.append(el('p', 'row', [link]), ...chips(row));
  const article = el('article', 'card', [row.image ? picture(row, row.image) : panel(row), caption]);
  article.id = `row-${position + 1}`;
  if (isTarget) article.classList.add('target');
  return article;
}

/** @param {Row} row @param {NonNullable<Row['image']>} image */
function picture({ prompt }, { link: belowRoot, thumbnail, width, height }) {
  const link = `${root}${belowRoot}`;
  const img = document.createElement('img');
  Object.assign(img, { alt: prompt, width, height, loading: 'lazy', decoding: 'async', lang: '' });
  // A thumbnail may have been lost; the image itself is what counts.
  if (thumbnail) img.addEventListener('error', () => (img.src = link), { once: true });
  img.src = thumbnail ? `${root}thumbnails/${thumbnail}.webp` : link;
  const a = el('a', 'frame', [img]);
  a.setAttribute('href', link);
  a.style.setProperty('--ratio', (width / height).toFixed(4));
  return a;
}

/** @param {Row} row */
function panel({ none }) {
  if (!none) return '';
  const message = el('span', '', [none.message]);
  message.dir = 'auto';
  return el('div', `none ${none.kind}`, [
    el('strong', '', [none.title]),
    message,
    el('span', 'used', [none.used]),
  ]);
}

/** @param {Row} row */
function details(row) {
  const { id, name, line, place, prompt, image, inputs, jobs = [], labels = [] } = row;
  const shown = own(el('span', 'prompt', [prompt]));
  shown.title = prompt;
  const list = el('dl', 'more', []);
  const add = (/** @type {string} */ name, /** @type {string} */ value) =>
    list.append(el('dt', '', [name]), own(el('dd', '', [value])));
  if (name !== undefined) add('id', id);
  add('line', place ?? String(line));
  if (image) add('file', fileOf(row));
  if (image) add('size', image.size);
  if (inputs) add('input images', inputs);
  if (jobs.length > 0) add(jobs.length === 1 ? 'job' : 'jobs', jobs.join('\n'));
  for (const [column, text] of labels) add(columns[column] ?? '', text);
  return el('details', '', [el('summary', '', [shown]), list]);
}

/** @param {Row} row */
function chips({ labels: all = [], name, prompt }) {
  // What a column gave to the prompt or the name stands there already.
  const labels = all.filter(([, text]) => text !== prompt && text !== name);
  if (labels.length === 0) return [];
  const items = labels.slice(0, CHIPS).map(([column, text]) => {
    const name = columns[column] ?? '';
    const value = el('bdi', '', [text]);
    value.lang = '';
    const item = el('li', '', [el('span', 'name', [name]), ' ', value]);
    item.title = `${name}: ${text}`;
    return item;
  });
  if (labels.length > CHIPS) items.push(el('li', 'rest', [`+${labels.length - CHIPS}`]));
  return [el('ul', 'chips', items)];
}
