// @ts-check
// The contact sheet's data about its rows. They are beside the page in small scripts, since a page opened from a
// folder can read nothing else; each passes its data to `bananaSheet`. The modules of this folder become one script
// in the page: a name must be unique in all of them, and they may import only each other.
/**
 * @typedef {object} Row
 * @property {string} id
 * @property {string} [name]
 * @property {number} line
 * @property {string} [place]
 * @property {string} prompt
 * @property {string[]} facts
 * @property {{link: string, thumbnail?: string, width: number, height: number, size: string}} [image]
 * @property {{kind: string, title: string, message: string, used: string}} [none]
 * @property {string[]} [jobs]
 * @property {string} [inputs]
 * @property {[number, string][]} [labels]
 */
/** @typedef {{positions: number[], groups: number[], bits: number[]}} Alike */
/** @typedef {{find: string, candidates: ArrayLike<number> | undefined, matches: number[], next: number}} Search */

const CHUNKS_KEPT = 12;
const CHUNKS_AHEAD = 6;

const index = JSON.parse(byId('index').textContent ?? '');
/** @type {{rows: number, chunkRows: number, folder: string, root: string, columns: string[]}} */
export const { rows, chunkRows, folder, root, columns } = index;

/** @param {string} id */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}.`);
  return found;
}

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
export const loadChunk = (chunk) => load(`rows-${String(chunk).padStart(5, '0')}`);

/**
 * The positions of the rows that match the filters, in display order; undefined for all rows.
 * `alikeFile` restricts the rows to its list, in that order.
 * @param {readonly {readonly file: string, readonly code: number}[]} filters
 * @param {string | undefined} alikeFile
 * @returns {Promise<{positions?: ArrayLike<number>, alike?: Alike}>}
 */
export async function filtered(filters, alikeFile) {
  if (filters.length === 0 && !alikeFile) return {};
  const tests = await Promise.all(
    filters.map(async ({ file, code }) => ({ codes: codesOf(await load(file)), code })),
  );
  /** @type {Alike | undefined} */
  const alike = alikeFile && (await load(alikeFile));
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
  const own = [row.id, row.name ?? '', fileOf(row), row.prompt, row.none?.message ?? ''];
  const text = folded([...own, ...labels].join('\n'));
  return words.every((word) => text.includes(word));
}

/** The name of a row's image in metadata.jsonl; empty without an image. @param {Row} row */
export const fileOf = ({ image }) =>
  image ? decodeURIComponent(image.link).replace('images/train/', '') : '';

/**
 * Whether a text names a row as on the command line: by id, image name or line, optionally with that prefix.
 * @param {Row} row @param {string} text
 */
function isNamed(row, text) {
  const [, by = '', rest = text] = /^(id|name|line):\s*(.+)$/s.exec(text) ?? [];
  const is = (/** @type {string} */ kind, /** @type {string} */ own) =>
    (by === '' || by === kind) && folded(own) === rest;
  const name = row.name ?? row.id;
  return is('id', row.id) || is('name', name) || is('name', fileOf(row)) || is('line', String(row.line));
}

/**
 * Continues a search until `wanted` rows are found, all rows are searched, or `tell` returns that the result is no
 * longer needed.
 * @param {Search} search
 * @param {number} wanted
 * @param {(share: number) => boolean} tell
 */
export async function lookOn(search, wanted, tell) {
  const { find, candidates, matches } = search;
  const text = folded(find).trim();
  const words = text.split(/\s+/u).filter(Boolean);
  const all = candidates?.length ?? rows;
  const at = (/** @type {number} */ place) => candidates?.[place] ?? place;
  while (search.next < all && matches.length < wanted) {
    for (let ahead = 1; ahead <= CHUNKS_AHEAD; ahead++) {
      const chunk = Math.floor(at(search.next) / chunkRows) + ahead;
      if (!candidates && chunk * chunkRows < rows) loadChunk(chunk).catch(() => undefined);
    }
    const chunk = Math.floor(at(search.next) / chunkRows);
    const found = await loadChunk(chunk);
    if (!tell(search.next / all)) return;
    while (search.next < all && Math.floor(at(search.next) / chunkRows) === chunk) {
      const position = at(search.next++);
      const row = found[position % chunkRows];
      if (row && (says(row, words) || isNamed(row, text))) matches.push(position);
    }
  }
}
