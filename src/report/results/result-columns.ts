/** The columns that `results.csv` adds after those of the sheet. */
export const RESULT_COLUMNS = [
  'row_id',
  'status',
  'reason',
  'image',
  'bytes',
  'sha256',
  'job_id',
  'cost',
] as const;
export type ResultColumn = (typeof RESULT_COLUMNS)[number];

/** Columns of ours as they are called beside a sheet's own: with `result_` before those whose name the sheet has, in any case of letters. */
export function namesBeside(sheet: readonly string[], ours: readonly string[]): readonly string[] {
  const taken = new Set(sheet.map((title) => title.trim().toLowerCase()));
  return ours.map((column) => {
    let name = column;
    while (taken.has(name)) name = `result_${name}`;
    taken.add(name);
    return name;
  });
}
