/** Reading sheets of prompts, and writing our own about them. */
export { parseModel } from './cells.js';
export { csvChunks, type CsvCells } from './csv-writer.js';
export type { SheetFormat } from './dialect.js';
export { readSheet, type SheetHeader, type SheetItem } from './read-sheet.js';
export { SheetError, sheetLabel, type SheetErrorCode } from './sheet-error.js';
export { SheetSettings, type SheetSource } from './sheet-settings.js';
export { SheetTally, summarizeSheet, type SheetSummary } from './summary.js';
