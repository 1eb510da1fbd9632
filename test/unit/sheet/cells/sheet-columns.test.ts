import { describe, expect, test } from 'vitest';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

describe('columns', () => {
  test('are recognized in any letter case and with spaces around them; others become labels', async () => {
    const { rows, header } = await readWholeSheet(
      ' PROMPT , Id,Model,ASPECT_RATIO,Resolution,Count, My Label \na fox,f1,nb2,16:9,2k,1, kept as is \n',
    );
    expect(rows).toMatchObject([
      {
        prompt: 'a fox',
        rowId: 'f1',
        model: 'nb2',
        aspectRatio: '16:9',
        resolution: '2K',
        imageName: 'f1',
        labels: { 'My Label': ' kept as is ' },
      },
    ]);
    expect(header?.labelColumns).toEqual(['My Label']);
    expect(header?.columns).toEqual([
      'PROMPT',
      'Id',
      'Model',
      'ASPECT_RATIO',
      'Resolution',
      'Count',
      'My Label',
    ]);
  });

  test('are mapped by --map, and an unmapped column of the same name becomes a label', async () => {
    const { rows } = await readWholeSheet('id,Caption,prompt,sku\n7,a fox,short,s-1\n', {
      map: { prompt: ' caption ', id: 'SKU' },
    });
    expect(rows).toMatchObject([{ rowId: 's-1', prompt: 'a fox', labels: { id: '7', prompt: 'short' } }]);
  });

  test('that are mapped are also labels under their own names, in every row of their record', async () => {
    const { rows, header } = await readWholeSheet('SKU,Caption,Pieces,model\nSF-001,a sofa,2,nb2\n', {
      map: { file_name: 'sku', prompt: 'Caption', count: 'Pieces', model: 'Model' },
    });
    expect(header?.labelColumns).toEqual(['SKU', 'Caption', 'Pieces']);
    const labels = { SKU: 'SF-001', Caption: 'a sofa', Pieces: '2' };
    expect(rows).toMatchObject([
      { imageName: 'SF-001~1', prompt: 'a sofa', model: 'nb2' },
      { imageName: 'SF-001~2', prompt: 'a sofa', model: 'nb2' },
    ]);
    expect(rows.map((row) => row.labels)).toEqual([labels, labels]);
  });

  test('mapped to input images are labels without secrets of their URLs', async () => {
    const sheet = [
      { prompt: 'a', Photos: 'https://h.example/a.png?X-Amz-Signature=1 https://h.example/b.png#c' },
      { prompt: 'b', Photos: ['https://h.example/a.png?sig=1'] },
      { prompt: 'c', Photos: ' https://h.example/c.png ' },
    ];
    const lines = sheet.map((record) => JSON.stringify(record)).join('\n');
    const { rows } = await readWholeSheet(lines, { map: { input_images: 'Photos' } }, 'sheet.jsonl');
    expect(rows.map(({ labels }) => labels['Photos'])).toEqual([
      'https://h.example/a.png https://h.example/b.png',
      ['https://h.example/a.png'],
      ' https://h.example/c.png ',
    ]);
    expect(rows[0]?.inputImages[0]).toBe('https://h.example/a.png?X-Amz-Signature=1');
  });

  test('without a name become labels only if a cell has content', async () => {
    const { rows, rejected } = await readWholeSheet('prompt,,style,,\na,,x,,\nb,note,y,,z\nc,,z\n');
    expect(rejected).toEqual([]);
    expect(rows.map((row) => row.labels)).toEqual([
      { style: 'x' },
      { column_2: 'note', style: 'y', column_5: 'z' },
      { style: 'z' },
    ]);
  });

  test('with unusual names become labels', async () => {
    const { rows } = await readWholeSheet('prompt,__proto__,constructor\na,x,y\n');
    expect(Object.entries(rows[0]?.labels ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  test('called file_name name the images, unless another column or --name does', async () => {
    const sheet = 'prompt,file_name,SKU\na,hero.png,7\n';
    const { rows, header } = await readWholeSheet(sheet);
    expect(rows).toMatchObject([{ imageName: 'hero', labels: { SKU: '7' } }]);
    expect(header?.labelColumns).toEqual(['SKU']);
    for (const settings of [{ name: '{{SKU}}' }, { map: { file_name: 'SKU' } }]) {
      const other = await readWholeSheet(sheet, settings);
      expect(other.rows).toMatchObject([{ imageName: '7', labels: { file_name: 'hero.png' } }]);
    }
  });

  test('added by our own reports are dropped, and final ids are accepted from failures.csv', async () => {
    const failures =
      '\uFEFFid,prompt,model,aspect_ratio,resolution,style,count,failure_kind,failure_message,failure_line\n' +
      'fox-abc~d2~1,a fox,pro,1:1,1K,x,1,flaky,"no image, thrice",7\n';
    const settings = { map: { prompt: 'Caption' as const }, template: 'a {{style}} fox', imagesPerPrompt: 4 };
    const { rows, header } = await readWholeSheet(failures, settings);
    expect(rows).toMatchObject([{ rowId: 'fox-abc~d2~1', prompt: 'a fox', labels: { style: 'x' } }]);
    expect(header?.labelColumns).toEqual(['style']);

    const rejects = 'prompt,model,reject_line,reject_column,reject_value,reject_rule\na,pro,3,model,x,y\n';
    expect((await readWholeSheet(rejects)).rows[0]?.labels).toEqual({});
  });
});

describe('an untrustworthy header', () => {
  test('has the same column twice', async () => {
    await expect(readWholeSheet('\nprompt,Style, style\na,b,c\n')).rejects.toMatchObject({
      code: 'duplicate-header',
      line: 2,
      message:
        'sheet.csv, line 2: columns 2 and 3 have the same name "style" (letter case does not count). Rename or remove one of them',
    });
  });

  test('has two labels that would get the same name', async () => {
    await expect(readWholeSheet('prompt,width,input_width\na,b,c\n')).rejects.toMatchObject({
      code: 'duplicate-header',
      message: expect.stringContaining(
        '"width" and "input_width" would both be copied to the results as "input_width"',
      ),
    });
  });

  test.each([
    ['id,Caption,Notes', 'prompt=Caption'],
    ['id,Image prompt,Caption', '"prompt=Image prompt"'],
    ['id,model,Foo', 'prompt=Foo'],
  ])('has no prompt column: %s', async (headerLine, flag) => {
    await expect(readWholeSheet(`${headerLine}\na,b,c\n`)).rejects.toMatchObject({
      code: 'no-prompt-column',
      line: 1,
      message: expect.stringContaining(`--map ${flag}, or make prompts from several columns by --template`),
    });
  });

  test('without a prompt lists its columns', async () => {
    await expect(readWholeSheet('id;Caption\na;b\n', { delimiter: ',' })).rejects.toThrow(
      'no column is called "prompt". Its columns: "id;Caption".',
    );
  });

  test('lacks a mapped column', async () => {
    await expect(readWholeSheet('id,Text\na,b\n', { map: { prompt: 'Caption' } })).rejects.toMatchObject({
      code: 'unknown-column',
      message:
        'sheet.csv, line 1: --map prompt=Caption names a column that the sheet does not have. Its columns: "id", "Text"',
    });
  });
});
