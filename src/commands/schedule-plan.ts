import { findPlace } from '../batch/batch-place.js';
import {
  planSubmission,
  sheetToPlan,
  type SheetFile,
  type SubmissionPlan,
} from '../batch/plan-submission.js';
import type { PriceTable } from '../domain/price-table.js';
import { imagesOf, kindsText, type ImagesOfKind } from '../domain/image-counts.js';
import { momentIn } from '../domain/moment.js';
import { firingBatchId, type ScheduleName } from '../domain/schedule-name.js';
import { UsageError } from '../errors.js';
import { nextTimes } from '../schedules/schedule-times.js';
import type { SheetSettings, SheetSummary } from '../sheet/index.js';
import { addressOf, homeOf, type BatchLocation, type HomeFolder } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { AccountId } from '../bananahub/client.js';
import { readBatchFiles } from '../batch/batch-files.js';
import type { ScheduleSettings } from './schedule-settings.js';
import { refuseUnpriced } from '../batch/spending.js';
import { budgetText } from './budget-text.js';
import { counted } from '../domain/counted.js';
import { costText, differenceText } from './submission-plan-text.js';
import { refuseOtherAccount, refuseTooLong } from '../batch/submission-refusals.js';

/** What the first firing of a schedule would buy, by the sheet as it is now. */
export type FiringPlan =
  | { readonly mode: 'fresh'; readonly batch: BatchLocation; readonly buys: readonly ImagesOfKind[] }
  | {
      readonly mode: 'changes';
      readonly batch: BatchLocation;
      readonly buys: readonly ImagesOfKind[];
      readonly plan: SubmissionPlan;
    };

/** How the first firing will read the sheet. */
export function firstReading({ asked }: ScheduleSettings, now: Date): SheetSettings {
  const { sheetSettings, mode, times, timezone } = asked;
  if (mode === 'changes') return { ...sheetSettings, moment: 'refused' };
  // Any moment will do to check what it is written into.
  const [first = now] = nextTimes(times, timezone, { after: now, count: 1 });
  return { ...sheetSettings, moment: momentIn(first, timezone) };
}

/**
 * Plans the first firing by a sheet that was read as `firstReading` says. Changes nothing. Throws a UsageError where it
 * would buy nothing for its limits, where a budget has no prices, and where the batch belongs to another account than `own`.
 */
export async function planFiring(
  store: ObjectStore,
  schedule: { readonly home: HomeFolder; readonly name: ScheduleName; readonly settings: ScheduleSettings },
  found: {
    readonly sheet: SheetFile & { readonly summary: SheetSummary };
    readonly now: Date;
    readonly own: AccountId | undefined;
    readonly prices: PriceTable | undefined;
  },
): Promise<FiringPlan> {
  const { home, name, settings } = schedule;
  const { mode, maxImages, budget, times, timezone } = settings.asked;
  const { sheet, now } = found;
  const [first = now] = nextTimes(times, timezone, { after: now, count: 1 });
  const batchHome = homeOf(home, firingBatchId(name, mode, first));
  let planned: FiringPlan;
  if (mode === 'fresh') {
    planned = { mode, batch: batchHome, buys: sheet.summary.images };
  } else {
    const batch = await findPlace(store, batchHome);
    refuseOtherAccount(batch, await readBatchFiles(store, batch), found.own, { rebind: false });
    const asked = sheetToPlan(sheet, { sheetSettings: firstReading(settings, now), merge: false });
    const plan = await planSubmission(store, batch, asked);
    refuseTooLong(plan);
    planned = { mode, batch, plan, buys: plan.buys };
  }
  refuseTooMany(planned.buys, maxImages);
  if (budget !== undefined) refuseUnpriced(sheet.summary.images, found.prices);
  return planned;
}

function refuseTooMany(buys: readonly ImagesOfKind[], maxImages: number | undefined): void {
  const images = imagesOf(buys);
  if (maxImages === undefined || images <= maxImages) return;
  throw new UsageError(
    `A run would make ${counted(images, 'image')} now, but --max-images allows ${maxImages}, so it would make none. Raise --max-images, or use fewer rows.`,
  );
}

/** Lines that tell what the first firing would buy; what it costs where prices are known. */
export function firingPlanText(
  planned: FiringPlan,
  budget: string | undefined,
  prices: PriceTable | undefined,
): string {
  const { batch, buys } = planned;
  const makes = buys.length > 0 ? `${counted(imagesOf(buys), 'image')} (${kindsText(buys)})` : 'nothing';
  const costs = prices && buys.length > 0 ? costText(prices, buys) : '';
  const cap = budget === undefined ? '' : budgetText({ budget }, buys, prices);
  switch (planned.mode) {
    case 'fresh':
      return `Each run   makes ${makes} by the current sheet → ${addressOf(batch)}\n${costs}${cap}`;
    case 'changes':
      return `${differenceText(batch, planned.plan)}Each run   the first one makes ${makes}, later ones new or changed rows\n${costs}${cap}`;
  }
}
