import { findPlace } from '../../plan/place/batch-place.js';
import { checkSheet, type CheckedSheet } from '../../plan/rows/check-sheet.js';
import type { Submission } from '../../plan/prepare-submission.js';
import { startBatch } from '../../plan/start-batch.js';
import { startClaimed, StartedByAnotherError } from '../../plan/start-run.js';
import type { StartedRun } from '../../status/end-of-run.js';
import { SubmissionRefusal } from '../../plan/submission-refusals.js';
import { serviceName, serviceOf } from '../../bananahub/account-id.js';
import type { AccountId } from '../../bananahub/client.js';
import { momentIn } from '../../domain/time/moment.js';
import type { PriceTable } from '../../domain/money/price-table.js';
import { placeText } from '../../sheet/record-place.js';
import { firingBatchId } from '../../domain/batch/schedule-name.js';
import { UsageError } from '../../errors.js';
import type { SheetSummary } from '../../sheet/index.js';
import { homeOf, type BatchLocation } from '../../storage/layout.js';
import { batchAtFiring, type FiringIdentity, inTheWayText } from './batch-at-firing.js';
import { FiringRefusal, quoting } from './firing-refusal.js';
import { labelOf, withFiringSheet, type FiringSheet } from './firing-sheet.js';
import type { ScheduleAccess } from '../schedule-client.js';
import type { ScheduledSheet } from '../scheduled-sheet.js';

/** Dependencies of a schedule's runs. */
export interface FiringMeans extends ScheduleAccess {
  /** The workers' account; may change when their key is replaced in its file. */
  readonly account: () => AccountId;
  /** Whether their service is known to be a sandbox. */
  readonly isSandbox: () => boolean;
  readonly prices: PriceTable | undefined;
  /** Lets the sheet's URL lead to private networks, as for images. */
  readonly allowPrivateAddresses: boolean;
  /** Maximum time for fetching the sheet. */
  readonly fetchMs: number;
  /** Why the service cannot fetch input images from the bucket; absent if it can. */
  readonly inputsOutOfReach?: string;
}

/** How a run of a schedule has begun. */
export type FiringStart =
  | ({ readonly kind: 'started' } & StartedRun)
  /** The batch has everything in the sheet. */
  | { readonly kind: 'nothing-to-do'; readonly location: BatchLocation; readonly runSeq: number }
  | { readonly kind: 'in-the-way'; readonly location: BatchLocation; readonly reason: string };

/** Another submission may come between the check of a batch and its start; if that happens twice, a person is doing it. */
const LOOKS = 3;

/**
 * Starts the batch for a run of the schedule, in the same steps as `submit`; if repeated for the same run it finds
 * what it has started. Throws what `faultOf` classifies; nothing was bought then.
 */
export async function startFiring(
  means: FiringMeans,
  sheet: ScheduledSheet,
  firing: FiringIdentity,
  signal: AbortSignal,
): Promise<FiringStart> {
  const batchId = firingBatchId(sheet.schedule, sheet.mode, firing.firingAt);
  const location = await findPlace(means.store, homeOf(sheet.home, batchId));
  let raced: StartedByAnotherError | undefined;
  for (let look = 0; look < LOOKS; look += 1) {
    const found = await batchAtFiring(means, location, firing);
    try {
      switch (found.kind) {
        case 'own':
          return { kind: 'started', run: found.run, workflowRunId: found.workflowRunId };
        case 'in-the-way':
          return { kind: 'in-the-way', location, reason: inTheWayText(found.status) };
        case 'claimed': {
          const settings = found.request.settings ?? sheet.settings;
          return { kind: 'started', ...(await startClaimed(means, found.run, settings)) };
        }
        case 'free':
          return await withFiringSheet(means, sheet, signal, (file) =>
            submitted(means, sheet, { firing, file, signal }),
          );
      }
    } catch (error) {
      if (!(error instanceof StartedByAnotherError)) throw error;
      raced = error;
    }
  }
  throw raced;
}

/** How a schedule's run submits its sheet, and how `schedule create` plans it. */
export function scheduledSubmission(
  { settings, maxImages, budget }: Pick<ScheduledSheet, 'settings' | 'maxImages' | 'budget'>,
  sheet: CheckedSheet,
  home: BatchLocation,
): Submission {
  // A budget that a person allowed an earlier run is not the schedule's.
  const spending = { ...(maxImages !== undefined && { maxImages }), budget: budget ?? 'none' };
  return { sheet, home, settings, spending, newIds: true, rebind: false, unattended: true };
}

async function submitted(
  means: FiringMeans,
  sheet: ScheduledSheet,
  {
    firing,
    file,
    signal,
  }: { readonly firing: FiringIdentity; readonly file: FiringSheet; readonly signal: AbortSignal },
): Promise<FiringStart> {
  refuseOtherService(sheet, means);
  const { schedule, mode, timezone, home, service } = sheet;
  const { firingAt, runId } = firing;
  const checked = await checkSheet(file, {
    sheetSettings: {
      ...sheet.sheetSettings,
      moment: mode === 'fresh' ? momentIn(firingAt, timezone) : 'refused',
    },
  });
  const submission = {
    ...scheduledSubmission(sheet, checked, homeOf(home, firingBatchId(schedule, mode, firingAt))),
    firing: { schedule, firingAt: firingAt.toISOString(), runId },
  };
  let { summary } = checked;
  try {
    const batch = await startBatch({ ...means, account: means.account(), service }, submission, {
      signal,
      onPlan: ({ plan }) => {
        ({ summary } = plan);
      },
      checkInputs: async ({ uploads }) => {
        if (means.inputsOutOfReach === undefined || uploads === 0) return;
        throw new UsageError(`${means.inputsOutOfReach} Nothing was started.`);
      },
    });
    switch (batch.kind) {
      case 'started': {
        const { run, workflowRunId } = batch;
        return { kind: 'started', run, workflowRunId };
      }
      case 'nothing-to-do':
        return { kind: 'nothing-to-do', location: batch.location, runSeq: batch.plan.runSeq - 1 };
      case 'running':
      case 'busy':
      case 'declined':
        throw new Error(`A run of schedule "${schedule}" looks for a running batch itself.`);
    }
  } catch (error) {
    throw explained(error, sheet, summary);
  }
}

/** A refusal reworded for a schedule: outside of its record no cell of the sheet is quoted. */
function explained(error: unknown, sheet: ScheduledSheet, summary: SheetSummary): unknown {
  if (!(error instanceof SubmissionRefusal)) return error;
  const label = labelOf(sheet);
  const show = `banana-batch schedule show ${sheet.schedule}`;
  switch (error.reason) {
    case 'all-rejected': {
      const publicMessage = `${label}: every row of the sheet is rejected (${summary.rejected}); nothing was started.`;
      const [first] = summary.firstRejected;
      const why = first ? ` The first: ${placeText(first)}, ${first.column}: ${first.rule}` : '';
      return new FiringRefusal(`${publicMessage}${why}`, { publicMessage, cause: error });
    }
    case 'new-ids':
      return quoting(
        error,
        `${label}: a spreadsheet seems to have rewritten ids of the sheet; nothing was started. See which: ${show}`,
      );
    case 'shrunken': {
      const publicMessage = `${label}: ${error.message}`;
      return new FiringRefusal(publicMessage, { publicMessage, cause: error });
    }
    case 'input-changed':
      return quoting(error, `An input image changed while it was read. See which: ${show}`);
  }
}

/** Drawings must not pass for images: a sandbox's workers run only schedules made with it. */
function refuseOtherService(
  { schedule, service }: ScheduledSheet,
  { account, isSandbox }: FiringMeans,
): void {
  const own = serviceOf(account());
  if (service === undefined ? !isSandbox() : service === own) return;
  const made = service === undefined ? 'without a configured service' : `for ${serviceName(service)}`;
  throw new UsageError(
    `Schedule "${schedule}" was created ${made}, but the workers run with ${isSandbox() ? 'a sandbox' : own}; nothing was started. Start the workers with the right BANANAHUB_API_KEY and BANANAHUB_BASE_URL, or delete the schedule and create it again.`,
  );
}
