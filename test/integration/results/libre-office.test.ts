import { execFile, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { htmlEscape } from 'escape-goat';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAvailable } from '../../support/setup/required.js';
import { cellsOf, readWholeSheet } from '../../support/read-whole-sheet.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';

const isInstalled = spawnSync('soffice', ['--version']).status === 0;

const HEADER = ['Prompt', 'Größe, "B; H"', 'sku', 'note', 'sum'];
/** `=` marks a formula. */
const ROWS = [
  ['ein Fuchs; im Schnee, nachts', '5" x 7"', '00042', 'leading zeros', '=[.C2]+1'],
  ['zwei\nZeilen\n\nund “typografische” – Zeichen', 'ü ö ß', '007', '', '=1/4'],
  ['"in quotes", said he', '\u00a0no-break\u00a0', '-0', ' spaces around ', '=UPPER("über")'],
  ['here; and €', '', '1e5', "'apostrophe", '=DATE(2024;2;29)'],
];
const COMPUTED = ['43', '0.25', 'ÜBER', '2024-02-29'];

/** Numbers in the filter: delimiter, quote, character set, first line, columns, language (US English), all in quotes, as shown. */
const DIALECTS = [
  { name: 'comma, UTF-8', filter: '44,34,76,1,,1033,false,true', emoji: '🦊', settings: {} },
  {
    name: 'semicolon, windows-1252',
    filter: '59,34,1,1,,1033,false,true',
    emoji: '',
    settings: { encoding: 'windows-1252' },
  },
  { name: 'tab, UTF-16', filter: '9,34,65535,1,,1033,true,true', emoji: '🦊', settings: {} },
];

function cell(text: string): string {
  if (text.startsWith('=')) {
    const style = text.startsWith('=DATE') ? ' table:style-name="iso"' : '';
    return `<table:table-cell${style} table:formula="${htmlEscape(`of:${text}`)}"/>`;
  }
  const lines = text.split('\n').map((line) => {
    const spaced = htmlEscape(line).replaceAll(/^ | $/g, '<text:s/>');
    return `<text:p>${spaced}</text:p>`;
  });
  return text === ''
    ? '<table:table-cell/>'
    : `<table:table-cell office:value-type="string">${lines.join('')}</table:table-cell>`;
}

/** A document with the rows in its one sheet, and formatted blank rows and cells around them, as in people's sheets. */
function flatDocument(rows: readonly (readonly string[])[]): string {
  const written = rows.map(
    (cells) => `<table:table-row>${cells.map(cell).join('')}<table:table-cell/></table:table-row>`,
  );
  const blank =
    '<table:table-row><table:table-cell office:value-type="string"><text:p> </text:p></table:table-cell></table:table-row>';
  return `<?xml version="1.0" encoding="UTF-8"?>
<office:document office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.spreadsheet"
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:number="urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0" xmlns:of="urn:oasis:names:tc:opendocument:xmlns:of:1.2">
<office:automatic-styles>
<number:date-style style:name="N1"><number:year number:style="long"/><number:text>-</number:text><number:month number:style="long"/><number:text>-</number:text><number:day number:style="long"/></number:date-style>
<style:style style:name="iso" style:family="table-cell" style:data-style-name="N1"/>
</office:automatic-styles>
<office:body><office:spreadsheet><table:table table:name="Sheet1">${written.join('')}${blank}${blank}</table:table></office:spreadsheet></office:body></office:document>`;
}

describe.runIf(isAvailable('LibreOffice (soffice)', isInstalled))('a sheet saved by LibreOffice', () => {
  let folder: TemporaryFolder;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder?.remove());

  async function saved(name: string, document: string, filter: string): Promise<Buffer> {
    const source = path.join(folder.path, `${name}.fods`);
    await writeFile(source, document);
    const profile = pathToFileURL(path.join(folder.path, 'profile')).href;
    await promisify(execFile)('soffice', [
      '--headless',
      `-env:UserInstallation=${profile}`,
      '--convert-to',
      `csv:Text - txt - csv (StarCalc):${filter}`,
      '--outdir',
      folder.path,
      source,
    ]);
    return readFile(path.join(folder.path, `${name}.csv`));
  }

  it.each(DIALECTS)(
    'as $name has the cells that LibreOffice shows',
    async ({ name, filter, emoji, settings }) => {
      const rows = ROWS.map(([prompt, ...cells]) => [`${prompt}${emoji}`].concat(cells));
      const bytes = await saved(name.replaceAll(/\W/g, ''), flatDocument([HEADER, ...rows]), filter);
      const read = await readWholeSheet(bytes, settings);
      expect(read.rejected).toEqual([]);
      expect(read.header?.columns).toEqual(HEADER);
      const shown = rows.map((cells, index) => cells.slice(0, -1).concat(COMPUTED[index] ?? ''));
      expect(read.rows.map(cellsOf)).toEqual(shown);
    },
  );
});
