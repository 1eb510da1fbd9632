import type { RowOutcome } from '../domain/outcome.js';
import type { PromptRow } from '../domain/row.js';
import type { Tally } from '../domain/tally.js';

/** Images on one page: few enough that a browser shows it at once. */
export const CARDS_PER_PAGE = 300;

export interface ContactSheetPage {
  readonly batchId: string;
  /** From 1. */
  readonly page: number;
  readonly pages: number;
  readonly tally: Tally;
  readonly sealedAt: string;
}

/** The text before the cards of a page. */
export function contactSheetStart(_page: ContactSheetPage): string {
  return '';
}

/** One row as a card: its image and prompt, or why there is none. */
export function contactSheetCard(_row: PromptRow, _outcome: RowOutcome, _page: number): string {
  return '';
}

/** The text after the cards of a page. */
export function contactSheetEnd(_page: ContactSheetPage): string {
  return '';
}
