import type { SubmissionPlan } from '../../../plan/plan-submission.js';
import { refuseUnpriced } from '../../../plan/spending.js';
import type { AccountId } from '../../../bananahub/client.js';
import { counted } from '../../../domain/text/full-stop.js';
import { imagesOf, kindsText, type ImagesOfKind } from '../../../domain/money/image-counts.js';
import { momentIn } from '../../../domain/time/moment.js';
import type { PriceTable } from '../../../domain/money/price-table.js';
import { firingBatchId, type ScheduleMode, type ScheduleName } from '../../../domain/batch/schedule-name.js';
import { nextTimes } from '../../../schedules/times/schedule-times.js';
import { scheduledSubmission } from '../../../schedules/firings/submit-firing.js';
import type { SheetSettings } from '../../../sheet/index.js';
import { addressOf, homeOf, type BatchLocation, type HomeFolder } from '../../../storage/layout.js';
import type { ObjectStore } from '../../../storage/object-store.js';
import { prepareSubmission, type CheckedSheet } from '../../../starter.js';
import { budgetText, costText, differenceText } from '../../submit/submission-plan-text.js';
import type { ScheduleSettings } from './settings.js';

/** What the first run of a schedule would buy, by the present sheet. */
export interface FiringPlan {
  readonly mode: ScheduleMode;
  readonly batch: BatchLocation;
  readonly buys: readonly ImagesOfKind[];
  readonly plan: SubmissionPlan;
}

/** How the first run of a schedule will read the sheet. */
export function firstReading({ scheduled }: ScheduleSettings, now: Date): SheetSettings {
  const { sheetSettings, mode, times, timezone } = scheduled;
  if (mode === 'changes') return { ...sheetSettings, moment: 'refused' };
  // Any moment will do to check the texts that contain it.
  const [first = now] = nextTimes(times, timezone, { after: now, count: 1 });
  return { ...sheetSettings, moment: momentIn(first, timezone) };
}

/**
 * Plans the first run of a schedule from a sheet that was read by `firstReading`. Changes nothing. Throws a
 * UsageError for what that run would refuse: by `prepareSubmission`, like `run` and `submit`.
 */
export async function planFiring(
  store: ObjectStore,
  schedule: { readonly home: HomeFolder; readonly name: ScheduleName; readonly settings: ScheduleSettings },
  found: {
    readonly sheet: CheckedSheet;
    readonly now: Date;
    readonly own: AccountId | undefined;
    readonly prices: PriceTable | undefined;
  },
): Promise<FiringPlan> {
  const { home, name, settings } = schedule;
  const { mode, times, timezone, budget } = settings.scheduled;
  const { sheet, now, own: account, prices } = found;
  const [first = now] = nextTimes(times, timezone, { after: now, count: 1 });
  const batchHome = homeOf(home, firingBatchId(name, mode, first));
  const { location: batch, plan } = await prepareSubmission(
    { store, account, prices, isToStart: false },
    scheduledSubmission(settings.scheduled, sheet, batchHome),
  );
  // Later runs may make any row of the sheet.
  if (budget !== undefined) refuseUnpriced(sheet.summary.images, prices);
  return { mode, batch, plan, buys: plan.buys };
}

/** Lines about what the first run of a schedule would buy, with the cost if prices are known. */
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
      return `Next run   makes ${makes} from the sheet as it is now → ${addressOf(batch)}\n${costs}${cap}`;
    case 'changes':
      return `${differenceText(batch, planned.plan)}Next run   makes ${makes}; later ones make what is new or changed by then\n${costs}${cap}`;
  }
}
