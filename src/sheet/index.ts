/** Reading sheets of prompts, and writing our reports on them. */
export { parseModel } from './cells/cells.js';
export { csvChunks, csvText, type CsvCells } from './records/csv-writer.js';
export type { InputCounts } from './summary.js';
export type { FoundInput, InputImages } from './rows/input-images.js';
export { takenNameRule } from './rows/chosen-names.js';
export { readSheet, type SheetHeader, type SheetItem } from './read-sheet.js';
export type { StayingRows } from './rows/staying-rows.js';
export { SheetError, sheetLabel } from './sheet-error.js';
export { SheetSettings } from './sheet-settings.js';
export { SheetTally, type SheetSummary } from './summary.js';
export { startsAsWebPage } from './records/dialect.js';
