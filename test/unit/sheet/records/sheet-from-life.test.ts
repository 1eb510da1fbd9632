import { describe, expect, test } from 'vitest';
import { csvChunks } from '../../../../src/sheet/index.js';
import { formulaRule } from '../../../../src/sheet/cells/formula-cell.js';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

const prompts = (rows: readonly { readonly prompt: string }[]) => rows.map(({ prompt }) => prompt);

describe('a cell that a spreadsheet could not fill in', () => {
  const PRINTED = [
    ...'#REF! #N/A #NAME? #VALUE! #DIV/0! #NUM! #NULL! #SPILL! #ERROR! #CALC! #FIELD! #GETTING_DATA'.split(
      ' ',
    ),
    ...'#BLOCKED! #CONNECT! #UNKNOWN! #BUSY! #PYTHON! #n/a #ref! #BEZUG! #NV #WERT! #NOMBRE? #¿NOMBRE?'.split(
      ' ',
    ),
    ...'#¡VALOR! #ÜBERLAUF! #ССЫЛКА! #Н/Д #DĚLENÍ_NULOU! #N/D #I/T #MACRO? #UNPARSEABLE ###'.split(' '),
    ...'Err:502 Err:508 Fehler:504'.split(' '),
    '  #REF!\t',
    '\uFEFF#N/A',
    '\u00a0#VALUE!',
  ];
  const LOADING = ['Loading...', 'Loading…', 'loading ...', 'Wird geladen...', 'Chargement…', '加载中...'];
  const FORMULAS = [
    ...'=A1&B1 =A1 =$B$2 =Sheet1!A1 =$Sheet1.A1 ={A1:A3} {=A1:A3&"x"} =-A1 =A:A =1+1 =#REF!&B1'.split(' '),
    ...'=Table1[@Name] =RC[-1]&RC[-2] =VERKETTEN(A1;B1) +A1&B1 =IF(A1="","",A1) =style&subject'.split(' '),
    '= A1 & B1',
    '=CONCATENATE(A1," ",B1)',
    '="a red "&B2',
    "='Sheet 1'!A1",
    '=_xlfn.TEXTJOIN(" ",1,A1:B1)',
    '=[@Name]&" fox"',
    "'=A1&B1",
    '=Prompts!B2&" at night"',
  ];
  const TEXTS = [
    ...'#sunset Loading n/a #ff0000 ... @home A1 Room:502 "quoted" 1+1=2 nan None NULL TRUE - 画'.split(' '),
    'a poster that says #REF!',
    'a cell that shows =A1&B1',
    'Loading... on an old monitor',
    'a loading dock',
    '#1 dad',
    '= a fox =',
    '=> a fox',
    '=) a smiley',
    '== title ==',
    '-a fox',
    '+1 more fox',
    '=a red fox with A1',
    'Error: cat not found',
    '{red} fox',
    "'tis a fox",
    'B2 bomber',
  ];

  test('is distinguished from text, even text that contains such a word', () => {
    expect([...PRINTED, ...LOADING, ...FORMULAS].filter((text) => formulaRule(text) === undefined)).toEqual(
      [],
    );
    expect(TEXTS.filter((text) => formulaRule(text) !== undefined)).toEqual([]);
    expect(formulaRule('#REF!')).toMatch(/error of a spreadsheet \(#REF!\).* correct the formula/);
    expect(formulaRule('Loading…')).toMatch(/still loading/);
    expect(formulaRule('=A1&B1')).toMatch(/formula.* values instead of formulas/);
  });

  test('rejects its row with the column: prompt, input image, name, id or a template column', async () => {
    const sheet = 'sku,prompt,pic,note\n1,#REF!,,\n2,a fox,#N/A,\n#VALUE!,a cat,,\n4,a dog,,#REF!\n';
    const settings = { map: { id: 'sku', input_images: 'pic' } } as const;
    const { rows, rejected } = await readWholeSheet(sheet, settings);
    expect(rows).toMatchObject([{ rowId: '4', prompt: 'a dog', labels: { note: '#REF!' } }]);
    expect(rejected.map(({ line, column, value }) => [line, column, value])).toEqual([
      [2, 'prompt', '#REF!'],
      [3, 'pic', '#N/A'],
      [4, 'sku', '#VALUE!'],
    ]);
    const made = await readWholeSheet(
      'style,animal,sku\n=A1&B1,fox,a\nink,Loading...,b\nink,fox,#NV\nink,fox,c\n',
      {
        template: 'a {{style|plain}} {{animal}}',
        name: '{{sku}}',
      },
    );
    expect(made.rejected.map(({ column, value }) => [column, value])).toEqual([
      ['style', '=A1&B1'],
      ['animal', 'Loading...'],
      ['sku', '#NV'],
    ]);
    expect(prompts(made.rows)).toEqual(['a ink fox']);
    const jsonLines =
      '{"prompt":"#REF!"}\n{"prompt":"a fox","input_images":["https://h/a.png","#N/A"]}\n{"prompt":"a cat"}\n';
    expect(
      (await readWholeSheet(jsonLines, { format: 'jsonl' })).rejected.map(({ column }) => column),
    ).toEqual(['prompt', 'input_images']);
  });
});

describe('joined files', () => {
  const HEADERS = [
    'id,prompt\n1,a fox\nid,prompt\n2,a cat\n',
    '\uFEFFid,prompt\n1,a fox\n\uFEFFid,prompt\n2,a cat\n',
    '\uFEFF"id","prompt"\n1,a fox\n\uFEFF"id","prompt"\n2,a cat\n',
    'ID, Prompt \n1,a fox\nid,PROMPT\n2,a cat\n',
    'prompt\na fox\nprompt\na cat\n',
    'prompt,style,mood\na fox,oil,\nprompt,style\na cat,ink\n',
    'prompt;style\na fox;oil\nprompt;style;mood\na cat;ink\n',
    'sep=;\nprompt;style\na fox;oil\nsep=;\nprompt;style\na cat;ink\n',
    '{"prompt":"a fox"}\n{"prompt":"prompt"}\n\uFEFF{"prompt":"a cat"}\n',
  ];

  test.each(HEADERS)('reject a header in the middle: %j', async (text) => {
    const { rows, rejected } = await readWholeSheet(text, text.startsWith('{') ? { format: 'jsonl' } : {});
    expect(prompts(rows)).toEqual(['a fox', 'a cat']);
    expect(rejected.length).toBeGreaterThan(0);
    for (const { rule } of rejected) expect(rule).toMatch(/files seem to have been joined here/);
  });

  test('with another column order stop at the second header', async () => {
    await expect(readWholeSheet('id,prompt\n1,a fox\nprompt,id\na cat,2\n')).rejects.toMatchObject({
      code: 'other-header',
      message: expect.stringContaining('line 3: the header of another file follows here'),
    });
  });

  test('keep rows that merely contain column names', async () => {
    const { rows, rejected } = await readWholeSheet(
      'prompt,style,model\nstyle,,\na prompt,prompt,\nid,oil,pro\n',
    );
    expect([prompts(rows), rejected]).toEqual([['style', 'a prompt', 'id'], []]);
  });
});

describe('cells missing at the end of a line', () => {
  test('are blank, also on the last line if it ends with a line break', async () => {
    const { rows, rejected } = await readWholeSheet('id,prompt,style,done\n1,a fox\n2,a cat,oil\n3,a dog\n');
    expect(rejected).toEqual([]);
    expect(rows.map(({ labels }) => labels)).toEqual([
      { style: '', done: '' },
      { style: 'oil', done: '' },
      { style: '', done: '' },
    ]);
  });

  test('reject a last line without a line break, because the file may be truncated', async () => {
    for (const size of [1, 5, 65_536]) {
      const { rows, rejected } = await readWholeSheet(
        'id,prompt,style\n1,a fox,oil\n2,a c',
        {},
        'sheet.csv',
        size,
      );
      expect(prompts(rows)).toEqual(['a fox']);
      expect(rejected).toMatchObject([{ line: 3, value: '2', rule: expect.stringContaining('cut short') }]);
    }
    expect((await readWholeSheet('id,prompt,style\n1,a fox,oil')).rejected).toEqual([]);
    expect((await readWholeSheet('id,prompt,\n1,a fox')).rejected).toEqual([]);
  });
});

test('rows of only FALSE, 0 or an empty formula count as blank', async () => {
  const fillings = ['FALSE', 'false', '0', '0.00', '0,0 %', '$0.00', '=""', '""', 'FALSCH', ' 0 '];
  const records = fillings.map((filling) => `,,"${filling.replaceAll('"', '""')}",\n`).join('');
  const { rows, rejected, blank } = await readWholeSheet(
    `id,prompt,done,sum\n1,a fox,TRUE,3\n${records},,,\n2,0,FALSE,0\n`,
  );
  expect([prompts(rows), rejected, blank]).toEqual([['a fox', '0'], [], fillings.length + 1]);
  const others = await readWholeSheet('id,prompt,done\n1,a fox,TRUE\n3,,FALSE\n,,TRUE\n,,a note\n');
  expect(others.rejected.map(({ line }) => line)).toEqual([3, 4, 5]);
  const made = await readWholeSheet('animal,done\nfox,TRUE\n,FALSE\n', { template: 'a {{animal|cat}}' });
  expect([prompts(made.rows), made.blank]).toEqual([['a fox'], 1]);
  await expect(readWholeSheet('prompt,done\n,FALSE\n')).rejects.toMatchObject({ code: 'no-rows' });
});

describe('text with NUL or invalid Unicode', () => {
  const HALF = '\\ud83d';
  const BROKEN = [
    `{"prompt":"a ${HALF}"}`,
    `{"prompt":"a","style":"${HALF}"}`,
    `{"prompt":"a","style":["x",{"deep":"${HALF}"}]}`,
    `{"prompt":"a","style":{"${HALF}":1}}`,
    `{"prompt":"a","k${HALF}":1}`,
    `{"prompt":"a","id":"x${HALF}"}`,
    `{"prompt":"a","file_name":"x${HALF}"}`,
    '{"prompt":"a\\u0000 fox"}',
    '{"prompt":"a","style":"\\u0000"}',
    '{"prompt":"a","\\u0000":"x"}',
    '{"prompt":"a","id":"\\u0000"}',
  ];

  test.each(BROKEN)('rejects its row anywhere, and is written readably: %s', async (broken) => {
    const { rows, rejected } = await readWholeSheet(`{"prompt":"fine"}\n${broken}\n{"prompt":"good"}\n`, {
      format: 'jsonl',
    });
    expect(prompts(rows)).toEqual(['fine', 'good']);
    expect(rejected).toMatchObject([
      { line: 2, rule: expect.stringMatching(/half of a surrogate pair|NUL/) },
    ]);
    expect(JSON.stringify(rejected)).not.toMatch(/\\ud83d|\\u0000/);
    let text = '';
    const columns = ['prompt', 'reject_rule', 'reject_json'];
    for await (const chunk of csvChunks(columns, [{ ...rejected[0]?.record, reject_rule: 'x' }], ','))
      text += chunk;
    expect(text.isWellFormed()).toBe(true);
  });

  test('is not accepted through rejects.csv either', async () => {
    const { rows, rejected } = await readWholeSheet('prompt,reject_rule\na \uFFFD fox,x\na cat,x\n');
    expect(prompts(rows)).toEqual(['a cat']);
    expect(rejected).toMatchObject([{ line: 2, column: 'prompt' }]);
    expect(prompts((await readWholeSheet('prompt\na \uFFFD fox\n')).rows)).toEqual(['a \uFFFD fox']);
  });

  test('in a header refuses the sheet', async () => {
    await expect(readWholeSheet('prompt,a\0b\nx,y\n')).rejects.toMatchObject({
      code: 'broken-header',
      message: expect.stringMatching(/^sheet\.csv, line 1: the name of column 2, "a\uFFFDb", .*NUL/),
    });
    expect(
      (await readWholeSheet('prompt,style\na\0,x\nb,c\0\nc,d\n')).rejected.map(({ column }) => column),
    ).toEqual(['prompt', 'style']);
  });
});
