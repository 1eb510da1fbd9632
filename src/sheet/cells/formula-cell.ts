import type { JsonValue } from '../../domain/text/json.js';
import { BrokenRule } from './cells.js';
import type { SheetColumns } from './sheet-columns.js';
import type { SourceRecord } from '../source-record.js';

/**
 * Errors that spreadsheets print instead of a value and that do not end with "!" or "?": not available, in all
 * languages of Excel, and values that were still being fetched. In lower case, without the "#".
 */
const BARE_ERRORS = new Set([
  'n/a',
  'n.a.',
  'n/a!',
  'n/b',
  'n/d',
  'n/d!',
  'nd',
  'nv',
  'i/t',
  'н/д',
  'yok',
  'saknas',
  'puuttuu',
  'hiányzik',
  'není_k_dispozici',
  'nedostupný',
  'nije dostupno',
  'getting_data',
  'daten_abrufen',
  'obteniendo_datos',
  'chargement_donnees',
  'chargement_des_donnees',
  'recupero_dati',
  'n/a requesting data...',
  'n/a n/a',
  // Smartsheet, Airtable and others omit the mark at the end.
  'ref',
  'error',
  'blocked',
  'overflow',
  'unparseable',
  'no match',
  'invalid value',
  'invalid ref',
  'invalid data type',
  'invalid operation',
  'invalid column value',
  'incorrect argument set',
  'circular reference',
  'divide by zero',
  'permission error',
]);

/** The same ending with "!" or "?": English ones in any letter case. */
const MARKED_ERRORS = new Set([
  'ref',
  'name',
  'value',
  'div/0',
  'num',
  'null',
  'spill',
  'error',
  'calc',
  'field',
  'blocked',
  'connect',
  'unknown',
  'busy',
  'external',
  'python',
  'timeout',
  'macro',
  'n/a',
  'data',
]);

/** In other languages they are words in capitals: #BEZUG!, #¡DIV/0!, #ОШИБКА!, #DĚLENÍ_NULOU!. */
const CAPITAL_ERROR = /^#[¡¿]?[\p{Lu}][\p{Lu}\p{M}\d/_ .-]{0,30}[!?]$/u;

/** LibreOffice numbers its errors: Err:502. */
const NUMBERED_ERROR =
  /^(?:err|error|erreur|errore|erro|fehler|fel|fout|feil|fejl|hiba|virhe|błąd|chyba|ошибка|помилка)\s?:\s?\d{3}$/iu;

/** What cells show while their value is fetched, in lower case without the dots. */
const LOADING = new Set([
  'loading',
  'loading data',
  'requesting data',
  'retrieving',
  'wird geladen',
  'lädt',
  'chargement',
  'chargement en cours',
  'cargando',
  'carregando',
  'a carregar',
  'caricamento',
  'caricamento in corso',
  'laden',
  'bezig met laden',
  'indlæser',
  'laddar',
  'läser in',
  'laster inn',
  'laster',
  'ladataan',
  'wczytywanie',
  'ładowanie',
  'načítání',
  'načítá se',
  'betöltés',
  'se încarcă',
  'yükleniyor',
  'загрузка',
  'завантаження',
  'φόρτωση',
  '読み込み中',
  '読み込んでいます',
  '로드 중',
  '로딩 중',
  '正在加载',
  '加载中',
  '載入中',
  '正在載入',
]);

/** Maximum length of all these. */
const MOST_CHARACTERS = 40;

const NAME = String.raw`[\p{L}_][\p{L}\p{M}\d_.]*`;
/** How formulas begin after `=`: enough to distinguish them from a text that begins with "=". */
const FORMULA_STARTS = [
  // A function, including those of add-ins: CONCAT(, _xlfn.TEXTJOIN(.
  String.raw`${NAME}\s*\(`,
  // A cell or range, including those of other sheets: A1, $B$2, A:A, Sheet1!A1, $Sheet1.A1, 'My sheet'!A1, [Book.xlsx]Sheet1!A1.
  String.raw`(?:\$?${NAME}\s*[!.]\s*)?\$?[A-Z]{1,3}\$?\d{1,7}(?![\p{L}\d])`,
  String.raw`\$?[A-Z]{1,3}:\$?[A-Z]{1,3}(?![\p{L}\d])`,
  String.raw`R(?:\d+|\[-?\d+\])?C(?:\d+|\[-?\d+\])?(?![\p{L}\d])`,
  // A text, or the quoted name of a sheet.
  String.raw`["'“‘]`,
  String.raw`\[`,
  String.raw`${NAME}\s*\[`,
  // A constant, or a sum of constants.
  String.raw`[\d.]+\s*(?:[-+*/^&%<>=;,]|$)`,
  // The name of a range, alone or joined to something.
  String.raw`${NAME}\s*(?:[&^*;]|$)`,
  String.raw`#[A-Z]`,
];
const FORMULA = new RegExp(
  String.raw`^'?\{?(?:of:)?[=＝]\s*[-+@({]*\s*(?:${FORMULA_STARTS.join('|')})`,
  'iu',
);
const FORMULA_CHARACTERS = `=＝{'o+-@`;
/** A formula in the notation of Lotus, which people still type: +A1&B1, @SUM(A1). */
const OLD_FORMULA = new RegExp(String.raw`^(?:[-+]\$?[A-Z]{1,3}\$?\d{1,7}\s*[&*/]|@${NAME}\([^()]*\)$)`, 'u');

/**
 * The rule that a cell breaks whose whole text is an error printed by a spreadsheet (#REF!), the placeholder of a
 * value still being fetched (Loading...), or a formula; undefined for any other text, even if it contains one of
 * these.
 */
export function formulaRule(text: string): string | undefined {
  const cell = text.trim();
  const [first = ''] = cell;
  if (cell.length <= MOST_CHARACTERS) {
    if (isPrintedError(cell, first)) {
      return `this is an error of a spreadsheet (${cell}), not text: correct the formula and save the sheet again. ${IF_MEANT}`;
    }
    if (isLoading(cell)) {
      return `the spreadsheet was still loading this value (${cell}): wait until it has loaded and save the sheet again. ${IF_MEANT}`;
    }
  }
  // Most texts begin with a letter and need no further check.
  if (FORMULA_CHARACTERS.includes(first) && (FORMULA.test(cell) || OLD_FORMULA.test(cell))) {
    return `this is a formula, not its result: save the sheet with values instead of formulas. ${IF_MEANT}`;
  }
  return undefined;
}

/** Throws BrokenRule if such a cell of a record has a meaning to us: a label may have any content. */
export function refuseFormulas(record: SourceRecord, columns: SheetColumns): void {
  for (const index of columns.read) {
    for (const text of textsIn(record.values[index])) {
      const rule = formulaRule(text);
      if (rule !== undefined) throw new BrokenRule(columns.names[index] ?? '', text, rule, 'formula');
    }
  }
}

function textsIn(value: JsonValue | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.flatMap(textsIn) : [];
}

const IF_MEANT = 'If exactly this text is intended, add a word to it';

function isPrintedError(cell: string, first: string): boolean {
  if (first !== '#') return /\d$/.test(cell) && NUMBERED_ERROR.test(cell);
  if (/^#{2,}$/.test(cell)) return true;
  const word = cell.slice(1).toLowerCase();
  if (BARE_ERRORS.has(word.replace('…', '...'))) return true;
  return (/[!?]$/.test(word) && MARKED_ERRORS.has(word.slice(0, -1))) || CAPITAL_ERROR.test(cell);
}

function isLoading(cell: string): boolean {
  if (!cell.endsWith('.') && !cell.endsWith('…')) return false;
  const [, word] = /^(.*?)\s?(?:\.{2,3}|…)$/.exec(cell) ?? [];
  return word !== undefined && LOADING.has(word.toLowerCase());
}
