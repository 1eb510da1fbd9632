import type { PromptRow, CurrentImage } from '../../domain/rows/row.js';
import type { RowPlan } from '../../domain/rows/row-plan.js';
import { batchRoot, imageKey, type BatchLocation } from '../../storage/layout.js';

/** Keys below the batch for the copy of a renamed row's image. */
export interface ImageMove {
  readonly from: string;
  readonly to: string;
}

/** A row's plan with its image under the present name, and the copy needed for that, if any. */
export function underPresentName(
  location: BatchLocation,
  row: PromptRow,
  plan: RowPlan,
): { readonly plan: RowPlan; readonly move?: ImageMove } {
  if (plan.kind === 'carry') {
    const { end, imageKey: from } = plan.outcome;
    if (end.kind !== 'stored' || from === undefined) return { plan };
    const move = moveOf(location, row, { end, imageKey: from });
    return move ? { plan: { ...plan, outcome: { ...plan.outcome, imageKey: move.to } }, move } : { plan };
  }
  const { keptImage } = plan.start;
  const move = keptImage && moveOf(location, row, keptImage);
  if (!move) return { plan };
  return {
    plan: { ...plan, start: { ...plan.start, keptImage: { ...keptImage, imageKey: move.to } } },
    move,
  };
}

function moveOf(
  location: BatchLocation,
  { imageName }: PromptRow,
  { end, imageKey: from }: CurrentImage,
): ImageMove | undefined {
  const to = imageKey(location, imageName, end.image.type).slice(batchRoot(location).length);
  return from === to ? undefined : { from, to };
}
