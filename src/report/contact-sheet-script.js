// @ts-check
// The contact sheet's script, as it stands in the page. The rows lie beside the page in small scripts, since a page that
// was opened from a folder may read nothing else; each hands its data to `bananaSheet`. Whatever a row says is text.
(() => {
  'use strict';

  /**
   * @typedef {object} Row
   * @property {string} id
   * @property {number} line
   * @property {string} prompt
   * @property {string[]} facts
   * @property {{link: string, thumbnail?: string, width: number, height: number, size: string}} [image]
   * @property {{kind: string, title: string, message: string, used: string}} [none]
   * @property {string[]} [jobs]
   * @property {number} [inputs]
   * @property {[number, string][]} [labels]
   */
  /** @typedef {{positions: number[], groups: number[], bits: number[]}} Alike */
  /** @typedef {{page: number, find: string, row: number, chosen: Map<string, string>}} View */
  /** @typedef {{key: string, candidates: ArrayLike<number> | undefined, matches: number[], next: number}} Search */

  const PAGE = 100;
  const CHUNKS_KEPT = 12;
  const CHUNKS_AHEAD = 6;
  const CHIPS = 6;

  const index = JSON.parse(byId('index').textContent ?? '');
  /** @type {{rows: number, chunkRows: number, folder: string, columns: string[]}} */
  const { rows, chunkRows, folder, columns } = index;
  const selects = [...document.querySelectorAll('select')];
  const findField = /** @type {HTMLInputElement} */ (byId('find'));
  const status = byId('status');
  const main = byId('cards');
  const pagers = [...document.querySelectorAll('nav')];
  const clear = byId('clear');

  /** @param {string} id */
  function byId(id) {
    const found = document.getElementById(id);
    if (!found) throw new Error(`The page has no #${id}.`);
    return found;
  }

  // Loading

  /** @type {Map<string, (data: unknown) => void>} */
  const awaited = new Map();
  /** @type {Map<string, Promise<any>>} */
  const files = new Map();
  Object.assign(globalThis, {
    /** @param {string} name @param {unknown} data */
    bananaSheet: (name, data) => awaited.get(name)?.(data),
  });

  /**
   * The data of a file beside the page.
   * @param {string} name
   * @returns {Promise<any>}
   */
  function load(name) {
    const known = files.get(name);
    files.delete(name);
    const loading = known ?? request(name);
    files.set(name, loading);
    const chunks = [...files.keys()].filter((file) => file.startsWith('rows-'));
    for (const oldest of chunks.slice(0, -CHUNKS_KEPT)) files.delete(oldest);
    return loading;
  }

  /** @param {string} name */
  function request(name) {
    return new Promise((resolve, reject) => {
      const script = document.createElement('script');
      const done = () => {
        script.remove();
        awaited.delete(name);
      };
      awaited.set(name, resolve);
      script.addEventListener('load', () => {
        done();
        reject(new Error(name));
      });
      script.addEventListener('error', () => {
        done();
        files.delete(name);
        reject(new Error(name));
      });
      script.src = `${folder}${name}.js`;
      document.head.append(script);
    });
  }

  /** @param {number} chunk @returns {Promise<Row[]>} */
  const loadChunk = (chunk) => load(`rows-${String(chunk).padStart(5, '0')}`);

  // What is to be seen: it stands in the address, so that a view can be kept and passed on

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

  function controlsChanged() {
    /** @type {Map<string, string>} */
    const chosen = new Map();
    for (const select of selects) if (select.value) chosen.set(select.name, select.value.slice(1));
    location.replace(addressOf({ chosen, find: findField.value.trim() }));
  }

  // Filters and search

  /**
   * The positions of the rows that the filters let through, in the order in which they are shown; none for all rows.
   * @param {View['chosen']} chosen
   * @returns {Promise<{positions?: ArrayLike<number>, alike?: Alike}>}
   */
  async function filtered(chosen) {
    if (chosen.size === 0) return {};
    /** @type {Alike | undefined} */
    let alike;
    /** @type {{codes: Uint8Array, code: number}[]} */
    const tests = [];
    for (const select of selects) {
      const option = select.selectedOptions[0];
      const file = select.dataset['file'];
      if (!chosen.has(select.name) || !option) continue;
      const { file: ownFile } = option.dataset;
      if (file) tests.push({ codes: codesOf(await load(file)), code: Number(option.dataset['code']) });
      else if (ownFile) alike = await load(ownFile);
    }
    const passes = (/** @type {number} */ row) => tests.every(({ codes, code }) => codes[row] === code);
    if (alike) {
      const kept = alike.positions.map((position) => passes(position));
      const keep = (/** @type {number[]} */ list) => list.filter((_, at) => kept[at]);
      const positions = keep(alike.positions);
      return { positions, alike: { positions, groups: keep(alike.groups), bits: keep(alike.bits) } };
    }
    const found = new Uint32Array(rows);
    let count = 0;
    for (let row = 0; row < rows; row++) if (passes(row)) found[count++] = row;
    return { positions: found.subarray(0, count) };
  }

  /** @param {string} base64 */
  const codesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

  /** @param {string} text */
  const folded = (text) => text.normalize('NFKC').toLowerCase();

  /** @param {Row} row @param {string[]} words */
  function says(row, words) {
    const labels = (row.labels ?? []).map(([, text]) => text);
    const text = folded([row.id, row.prompt, row.none?.message ?? '', ...labels].join('\n'));
    return words.every((word) => text.includes(word));
  }

  /** @type {Search | undefined} */
  let search;

  /**
   * Goes through the rows until so many are found, or all are looked at.
   * @param {string} find
   * @param {number} wanted
   * @param {() => boolean} isCurrent
   */
  async function lookFor(find, wanted, isCurrent) {
    const current = search;
    if (!current) return;
    const { candidates, matches } = current;
    const words = folded(find).split(/\s+/u).filter(Boolean);
    const all = candidates?.length ?? rows;
    const at = (/** @type {number} */ place) => candidates?.[place] ?? place;
    while (current.next < all && matches.length < wanted) {
      for (let ahead = 1; ahead <= CHUNKS_AHEAD; ahead++) {
        const chunk = Math.floor(at(current.next) / chunkRows) + ahead;
        if (!candidates && chunk * chunkRows < rows) loadChunk(chunk).catch(() => undefined);
      }
      const chunk = Math.floor(at(current.next) / chunkRows);
      const found = await loadChunk(chunk);
      if (!isCurrent()) return;
      while (current.next < all && Math.floor(at(current.next) / chunkRows) === chunk) {
        const position = at(current.next++);
        const row = found[position % chunkRows];
        if (row && says(row, words)) matches.push(position);
      }
      status.textContent = `Searching … ${Math.round((current.next / all) * 100)} %`;
    }
  }

  // Showing

  let turn = 0;

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
        return row ? card(row, position, alike) : '';
      });
      main.replaceChildren(...(count === 0 ? [el('p', 'empty', ['No row is so.'])] : cards));
      tell(view, { count, exact, page });
      if (view.row > 0) document.getElementById(`row-${view.row}`)?.scrollIntoView({ block: 'center' });
    } catch {
      if (!isCurrent()) return;
      main.replaceChildren(
        el('p', 'empty', [
          'The rows of this page cannot be read. It was sealed anew meanwhile (then reload it), or copied without the folder ',
          el('code', '', ['contact-sheet/']),
          ' beside it.',
        ]),
      );
      for (const pager of pagers) pager.replaceChildren();
      status.textContent = '';
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
    const { positions, alike } = await filtered(chosen);
    let found = positions;
    let exact = true;
    if (find !== '') {
      if (search?.key !== key) search = { key, candidates: found, matches: [], next: 0 };
      await lookFor(find, wanted * PAGE + 1, isCurrent);
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
   * Says how many rows there are, and leads to their other pages.
   * @param {View} view
   * @param {{count: number, exact: boolean, page: number}} found
   */
  function tell(view, { count, exact, page }) {
    const isAll = view.chosen.size === 0 && view.find === '';
    const n = (/** @type {number} */ value) => value.toLocaleString('en');
    const least = exact ? '' : 'at least ';
    if (isAll) status.textContent = `${n(rows)} ${rows === 1 ? 'row' : 'rows'}`;
    else status.textContent = `${least}${n(count)} of ${n(rows)} rows`;
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

  /**
   * @param {string} name
   * @param {string} className
   * @param {(Node | string)[]} children
   */
  function el(name, className, children) {
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

  /** @param {Row} row @param {number} position @param {Alike | undefined} alike */
  function card(row, position, alike) {
    const place = alike?.positions.indexOf(position) ?? -1;
    const caption = el('div', 'caption', [details(row), el('p', 'facts', [row.facts.join(' · ')])]);
    if (alike && place >= 0) {
      const bits = alike.bits[place];
      const apart = bits ? ` · ${bits} of 64 bits apart` : '';
      caption.append(el('p', 'alike', [`Group ${alike.groups[place]}${apart}`]));
    }
    const link = el('a', '', [el('bdi', '', [row.id])]);
    link.setAttribute('href', addressOf({ row: position + 1 }));
    caption.append(el('p', 'row', [link]), ...chips(row));
    const article = el('article', 'card', [row.image ? picture(row, row.image) : panel(row), caption]);
    article.id = `row-${position + 1}`;
    if (viewOf().row === position + 1) article.classList.add('target');
    return article;
  }

  /** @param {Row} row @param {NonNullable<Row['image']>} image */
  function picture({ prompt }, { link, thumbnail, width, height }) {
    const img = document.createElement('img');
    Object.assign(img, { alt: prompt, width, height, loading: 'lazy', decoding: 'async', lang: '' });
    // A thumbnail may have been lost; the image itself is what counts.
    if (thumbnail) img.addEventListener('error', () => (img.src = link), { once: true });
    img.src = thumbnail ? `thumbnails/${thumbnail}.webp` : link;
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
  function details({ line, prompt, image, inputs, jobs = [], labels = [] }) {
    const shown = own(el('span', 'prompt', [prompt]));
    shown.title = prompt;
    const list = el('dl', 'more', []);
    const add = (/** @type {string} */ name, /** @type {string} */ value) =>
      list.append(el('dt', '', [name]), own(el('dd', '', [value])));
    add('line', String(line));
    if (image) add('file', decodeURIComponent(image.link).replace('images/train/', ''));
    if (image) add('size', image.size);
    if (inputs) add('input images', String(inputs));
    if (jobs.length > 0) add(jobs.length === 1 ? 'job' : 'jobs', jobs.join('\n'));
    for (const [column, text] of labels) add(columns[column] ?? '', text);
    return el('details', '', [el('summary', '', [shown]), list]);
  }

  /** @param {Row} row */
  function chips({ labels = [] }) {
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
    show();
    // Where the new cards begin, unless one of them is meant.
    if (viewOf().row === 0 && scrollY > byId('filters').offsetTop) byId('filters').scrollIntoView();
  });
  if (rows > 0) {
    byId('filters').hidden = false;
    show();
  }
})();
