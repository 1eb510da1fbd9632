const SCIENTIFIC = /^[-+]?\d+(?:[.,]\d+)?E[-+]?\d{1,3}$/i;
/** Only spreadsheets write the sign: an id such as 4869319003e2 has none. */
const SCIENTIFIC_WITH_SIGN = /^[-+]?\d+(?:[.,]\d+)?E[-+]\d{1,3}$/i;
const NUMBER = /^[-+]?\d+(?:[.,]\d*)?(?:E[-+]?\d{1,2})?$/i;
const DECIMAL = /^[-+]?\d+[.,]\d*$/;
const GROUPED = /^[-+]?\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+(?:[.,]\d*)?$/;
/** Spreadsheets keep 15 digits of a number. */
const ROUNDED = /^\d{15}0+$/;
const MONTH =
  '(?:jan|feb|mar|mär|mrz|apr|avr|may|mai|maj|jun|jul|aug|ago|sep|set|oct|okt|ott|nov|dec|dez|déc|dic)[\\p{L}]*\\.?';
const DATES = [
  /^\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[ T]\d{1,2}:\d{2}.*)?$/,
  /^\d{1,2}:\d{2}(?::\d{2})?(?: ?[ap]m)?$/i,
  new RegExp(`^\\d{1,2}[-. /]+${MONTH}(?:[-. /]+\\d{2,4})?$`, 'iu'),
  new RegExp(`^${MONTH}[-. /]+\\d{1,4}$`, 'iu'),
];

/** Whether a text is a large number in a spreadsheet's notation, 4.00638E+12: its other digits are lost. */
export function isScientific(text: string): boolean {
  return SCIENTIFIC_WITH_SIGN.test(text);
}

/** What a spreadsheet turns an id into that looks like a number or a date, when it saves a file again; undefined for another id. */
export function rewrittenAs(id: string): 'a number' | 'a date' | undefined {
  if ([SCIENTIFIC, DECIMAL, GROUPED, ROUNDED].some((shape) => shape.test(id))) return 'a number';
  return DATES.some((shape) => shape.test(id)) ? 'a date' : undefined;
}

/** An id that a spreadsheet reads as a number, as the spreadsheet saves that: 7 for 007, 486931900300 for 4869319003e2; undefined for any other id. */
export function plainNumber(id: string): string | undefined {
  return NUMBER.test(id) ? String(Number(id.replace(',', '.'))) : undefined;
}

/** How to keep a spreadsheet from changing ids and ratios. */
export const KEEP_AS_TEXT =
  'format the column as text before you open or paste the data (Excel: Data > From Text/CSV, type Text)';
