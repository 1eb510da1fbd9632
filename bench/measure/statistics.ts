/** The middle one of some figures; undefined without any, or if one is missing. */
export function median(figures: readonly (number | undefined)[]): number | undefined {
  return quantile(figures, 0.5);
}

/** The figure that a share of all figures do not exceed; undefined without any, or if one is missing. */
export function quantile(figures: readonly (number | undefined)[], share: number): number | undefined {
  const known = figures.filter((figure) => figure !== undefined).toSorted((a, b) => a - b);
  return known.length === figures.length ? known[Math.floor(known.length * share)] : undefined;
}

/** The arithmetic mean; NaN without any figure. */
export function mean(figures: readonly number[]): number {
  return figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
}
