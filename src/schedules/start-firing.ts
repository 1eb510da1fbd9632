import { findPlace } from '../batch/batch-place.js';
import { isSealedFor, readBatchFiles } from '../batch/batch-files.js';
import { rowsToBuy, rowsToRun } from '../batch/plan-counts.js';
import {
  checkSheet,
  planSubmission,
  sheetToPlan,
  type SheetFile,
  type SubmissionPlan,
} from '../batch/plan-submission.js';
import { spendingSettings } from '../batch/spending.js';
import {
  startClaimed,
  startRun,
  StartedByAnotherError,
  type StartedRun,
  type StartRunInput,
} from '../batch/start-run.js';
import {
  refuseNewIds,
  refuseNoRoomForNames,
  refuseOtherAccount,
  refuseTooLong,
  refuseUnusable,
} from '../batch/submission-refusals.js';
import { uploadInputs } from '../batch/upload-inputs.js';
import { serviceName, serviceOf } from '../bananahub/account-id.js';
import type { AccountId } from '../bananahub/client.js';
import { counted } from '../domain/counted.js';
import { momentIn } from '../domain/moment.js';
import type { PriceTable } from '../domain/price-table.js';
import { firingBatchId } from '../domain/schedule-name.js';
import { placeText } from '../domain/record-place.js';
import { UsageError } from '../errors.js';
import type { SheetSettings, SheetSummary } from '../sheet/index.js';
import { homeOf, type BatchLocation } from '../storage/layout.js';
import { batchAtFiring, type FiringIdentity } from './batch-at-firing.js';
import { FiringRefusal, quoting } from './firing-refusal.js';
import { labelOf, withFiringSheet } from './firing-sheet.js';
import { inTheWayText } from './in-the-way.js';
import type { ScheduleAccess } from './schedule-client.js';
import type { ScheduledSheet } from './scheduled-sheet.js';

/** What firings are run with. */
export interface FiringMeans extends ScheduleAccess {
  /** Of the workers; another one once their key was replaced in its file. */
  readonly account: () => AccountId;
  /** Whether their service is known to be a sandbox. */
  readonly isSandbox: () => boolean;
  readonly prices: PriceTable | undefined;
  /** Lets the sheet's address lead to private networks, as for images. */
  readonly allowPrivateAddresses: boolean;
  /** Most time for fetching the sheet. */
  readonly fetchMs: number;
  /** Why the service cannot fetch input images from the bucket; absent where it can. */
  readonly inputsOutOfReach?: string;
}

/** What came of the beginning of a firing. */
export type FiringStart =
  | ({ readonly kind: 'started' } & StartedRun)
  /** The batch has all that the sheet asks for. */
  | { readonly kind: 'nothing-to-do'; readonly location: BatchLocation; readonly runSeq: number }
  | { readonly kind: 'in-the-way'; readonly location: BatchLocation; readonly reason: string };

/** Another submission may come between the look at a batch and its start; twice at once is a person's doing. */
const LOOKS = 3;

/**
 * Starts what a firing is to run, by the same steps as `submit`; called again for the same firing it finds what it has
 * started. Throws what `faultOf` tells apart; nothing was bought then.
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
            submitted(means, sheet, { firing, file, location, signal }),
          );
      }
    } catch (error) {
      if (!(error instanceof StartedByAnotherError)) throw error;
      raced = error;
    }
  }
  throw raced;
}

interface Submission {
  readonly firing: FiringIdentity;
  readonly file: SheetFile & Pick<StartRunInput['sheet'], 'inputs'>;
  readonly location: BatchLocation;
  readonly signal: AbortSignal;
}

async function submitted(
  means: FiringMeans,
  sheet: ScheduledSheet,
  { firing, file, location, signal }: Submission,
): Promise<FiringStart> {
  const { store, account, prices } = means;
  refuseOtherService(sheet, means);
  const sheetSettings: SheetSettings = {
    ...sheet.sheetSettings,
    moment: sheet.mode === 'fresh' ? momentIn(firing.firingAt, sheet.timezone) : 'refused',
  };
  const summary = await checkSheet(file, sheetSettings);
  refuseAllRejected(summary, sheet);
  refuseNoRoomForNames(location, summary);
  const files = await readBatchFiles(store, location);
  refuseOtherAccount(location, files, account(), { rebind: false });
  const asked = sheetToPlan({ ...file, summary }, { sheetSettings, merge: false });
  const plan = await planSubmission(store, location, asked);
  refuseAllRejected(plan.summary, sheet);
  refuseUnusable(plan.summary, sheetSettings);
  refuseRewrittenIds(plan, sheet, location);
  refuseTooLong(plan);
  refuseShrunken(plan, sheet, location);
  if (means.inputsOutOfReach !== undefined && rowsToBuy(plan) > 0 && plan.summary.inputs.uploads > 0) {
    throw new UsageError(`${means.inputsOutOfReach} Nothing was started.`);
  }
  const { settings } = sheet;
  const toDo = rowsToRun(plan) + plan.removed;
  if (toDo === 0 && isSealedFor(files, location, file, { sheetSettings, settings })) {
    return { kind: 'nothing-to-do', location, runSeq: plan.runSeq - 1 };
  }
  // What a person has let an earlier run cost is no cap of the schedule's.
  const spending = {
    ...(sheet.maxImages !== undefined && { maxImages: sheet.maxImages }),
    budget: sheet.budget ?? 'none',
  };
  const money = await spendingSettings(spending, { store, location, plan, mayMake: plan.mayMake, prices });
  const inputListKey = await uploaded(means, { firing, file, location, signal });
  signal.throwIfAborted();
  const started = await startRun({
    ...means,
    location,
    runSeq: plan.runSeq,
    sheet: file,
    sheetSettings,
    rows: plan.summary.rows + plan.kept,
    settings: { ...settings, ...money },
    inputListKey,
    merge: plan.merge,
    service: sheet.service,
    firing: {
      schedule: firing.schedule,
      firingAt: firing.firingAt.toISOString(),
      runId: firing.runId,
    },
  });
  return { kind: 'started', ...started };
}

async function uploaded(
  { store }: FiringMeans,
  { firing, file, location, signal }: Submission,
): Promise<string | undefined> {
  const { inputs } = file;
  if (!inputs) return undefined;
  try {
    const openSource = async (): Promise<FiringMeans['store']> => store;
    return await uploadInputs(store, location, inputs, { openSource, onPut: () => undefined, signal });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw quoting(
      error,
      `An input image changed while it was read. See which one: banana-batch schedule show ${firing.schedule}`,
    );
  }
}

function refuseRewrittenIds(plan: SubmissionPlan, sheet: ScheduledSheet, location: BatchLocation): void {
  try {
    refuseNewIds(plan, location, { newIds: true });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const told = `${labelOf(sheet)}: a spreadsheet seems to have rewritten its ids; nothing was started. See which ones: banana-batch schedule show ${sheet.schedule}`;
    throw quoting(error, told);
  }
}

function refuseAllRejected({ rows, rejected, firstRejected }: SheetSummary, sheet: ScheduledSheet): void {
  if (rows > 0) return;
  const told = `${labelOf(sheet)}: every row of the sheet is rejected (${rejected}); nothing was started.`;
  const [first] = firstRejected;
  const why = first ? ` The first one: ${placeText(first)}, ${first.column}: ${first.rule}` : '';
  throw new FiringRefusal(`${told}${why}`, { told });
}

/** Drawings must not pass for images: a sandbox's workers run only what was scheduled with it. */
function refuseOtherService(
  { schedule, service }: ScheduledSheet,
  { account, isSandbox }: FiringMeans,
): void {
  const own = serviceOf(account());
  if (service === undefined ? !isSandbox() : service === own) return;
  const made = service === undefined ? 'without naming a service' : `for ${serviceName(service)}`;
  throw new UsageError(
    `Schedule "${schedule}" was created ${made}, but the workers run with ${isSandbox() ? 'a sandbox' : own}; nothing was started. Start the workers with the right BANANAHUB_API_KEY and BANANAHUB_BASE_URL, or delete the schedule and create it again.`,
  );
}

/** A broken export must neither empty a batch in the night nor, with other ids, buy all of it again. */
function refuseShrunken(
  { removed, unchanged, changed, again, redone, kept }: SubmissionPlan,
  sheet: ScheduledSheet,
  { batchId }: BatchLocation,
): void {
  const left = unchanged + changed + again + redone + kept;
  const before = removed + left;
  if (removed === 0 || left * 2 >= before) return;
  const told = `${labelOf(sheet)}: the sheet has only ${counted(left, 'row')} of the ${before} in batch "${batchId}"; nothing was started, because the sheet may be broken or its ids may have changed. If that is intended, submit it once by hand: banana-batch submit SHEET --id ${batchId} --yes`;
  throw new FiringRefusal(told, { told });
}
