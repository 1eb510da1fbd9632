import type { StartedRun } from '../status/end-of-run.js';
import type { ObjectStore } from '../storage/object-store.js';
import { claimPlace } from './place/batch-place.js';
import { withNoteRenewed } from './place/place-notes.js';
import {
  prepareSubmission,
  type PreparationListener,
  type PreparationMeans,
  type JoinedRun,
  type PlannedSubmission,
  type PreparedRun,
  type Submission,
} from './prepare-submission.js';
import { startRun, type RunStarter, type StartRunInput } from './start-run.js';
import { uploadInputs } from './upload-inputs.js';

type ReadySubmission = Extract<PreparedRun, { readonly kind: 'ready' }>;

/** Dependencies of the start of a submission. */
export interface StartMeans extends RunStarter, Omit<PreparationMeans, 'store' | 'isToStart'> {
  /** The service that will make the images; undefined if unknown here. */
  readonly service: string | undefined;
  /** Opens the store of input images that are objects. Default: `store`. */
  readonly openInputStore?: () => Promise<ObjectStore>;
}

/** Callbacks of a start, which may prevent it. */
export interface StartListener extends PreparationListener {
  /** Called when nothing prevents the start, before anything is written. Default: yes. */
  readonly confirm?: (ready: ReadySubmission) => Promise<boolean>;
  /** Called for each input image that was uploaded, with its size in bytes. */
  readonly onUpload?: (sizeBytes: number) => void;
}

/** The result of a submission. */
export type StartedBatch =
  | (PlannedSubmission & StartedRun & { readonly kind: 'started' })
  | Exclude<PreparedRun, ReadySubmission>
  | JoinedRun
  /** `confirm` returned no. Nothing was written. */
  | { readonly kind: 'declined' };

/**
 * Submits a checked sheet: prepares it, uploads what its batch does not have yet, and starts its run. Never starts
 * anything twice. Throws a UsageError for what must not start, StorageError, and the reason of `signal`, which counts
 * until the end of the uploads.
 */
export async function startBatch(
  means: StartMeans,
  submission: Submission & { readonly firing?: StartRunInput['firing'] },
  { confirm, onUpload, ...listener }: StartListener & { readonly signal: AbortSignal },
): Promise<StartedBatch> {
  const { store, client, taskQueue, service } = means;
  const { home, firing } = submission;
  const { signal } = listener;
  const prepared = await prepareSubmission({ ...means, isToStart: true }, submission, listener);
  if (prepared.kind !== 'ready') return prepared;
  const { location, plan, files, uploads, start } = prepared;
  if (confirm && !(await confirm(prepared))) return { kind: 'declined' };
  signal.throwIfAborted();
  await claimPlace(store, home, location);
  const inputListKey = await withNoteRenewed(store, { home, location }, () =>
    uploaded(means, prepared, { signal, onUpload }),
  );
  const started = await startRun({
    client,
    store,
    taskQueue,
    ...start,
    inputListKey,
    service,
    ...(firing && { firing }),
  });
  return { kind: 'started', location, plan, files, uploads, ...started };
}

async function uploaded(
  { store, openInputStore = async () => store }: StartMeans,
  { location, start }: ReadySubmission,
  {
    signal,
    onUpload = () => undefined,
  }: { readonly signal: AbortSignal; readonly onUpload: StartListener['onUpload'] | undefined },
): Promise<string | undefined> {
  const { inputs } = start.sheet;
  if (!inputs) return undefined;
  try {
    return await uploadInputs(store, location, inputs, {
      openSource: openInputStore,
      onPut: onUpload,
      signal,
    });
  } finally {
    // Whatever error the aborted request throws.
    signal.throwIfAborted();
  }
}
