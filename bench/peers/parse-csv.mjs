// The peer of a dry run: reads all records of a CSV file with csv-parse, and forgets them.
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';

const [file] = process.argv.slice(2);
let records = 0;
for await (const _ of createReadStream(file).pipe(parse({ columns: true, bom: true }))) records += 1;
process.stdout.write(`${records}\n`);
