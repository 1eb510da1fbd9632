/** `npm run capacity`: prints the tables of docs/capacity.md, computed from the measured figures. */
import { accountTable, needsTable } from './tables.js';

process.stdout.write(`${[accountTable(), needsTable()].map((lines) => lines.join('\n')).join('\n\n')}\n`);
