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

/** The names of our columns beside a sheet's own: with the prefix `result_` if the sheet has the name, ignoring letter case. */
export function namesBeside(sheet: readonly string[], ours: readonly string[]): readonly string[] {
  const taken = new Set(sheet.map((title) => title.trim().toLowerCase()));
  return ours.map((column) => {
    let name = column;
    while (taken.has(name)) name = `result_${name}`;
    taken.add(name);
    return name;
  });
}
