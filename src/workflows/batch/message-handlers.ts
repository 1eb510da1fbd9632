import { CancellationScope, log, setHandler } from '@temporalio/workflow';
import { problemWithSettings } from '../../domain/batch/batch-settings.js';
import type { BatchBudget } from './batch-budget.js';
import { answerPosition } from '../activity-proxies.js';
import {
  cancelUpdate,
  instructSignal,
  pauseUpdate,
  resumeUpdate,
  setUpdate,
  snapshotQuery,
  type BatchSnapshot,
  type Instruction,
} from '../protocol/batch-messages.js';
import { reportSignal, type ShardReport } from '../protocol/shard-messages.js';

/** What the message handlers call. */
export interface BatchHandlers {
  readonly runSeq: number;
  readonly snapshot: () => BatchSnapshot;
  /** `hasWaited`: for a worker; nobody gets an error. */
  readonly apply: (instruction: Instruction, how?: { readonly hasWaited: true }) => Promise<void>;
  readonly cancel: () => void;
  readonly budget: Pick<BatchBudget, 'problemWithResume' | 'problemWithSet' | 'pauseUnset'>;
  readonly takeReport: (report: ShardReport) => void;
}

/** Handles the messages of people and shards to a batch. Call within a scope that nothing cancels. */
export function handleMessages(batch: BatchHandlers): void {
  const { apply, snapshot } = batch;
  const refuseUnlessOpen = (): void => refuseEnded(snapshot(), { orCancelling: false });
  // A handler runs in the root scope: what it starts would be cancelled with the workflow.
  const shield = CancellationScope.current();
  const order = new MessageOrder();
  const refuseInstruction = (instruction: Instruction): void => {
    const problem = problemWith(batch, instruction);
    if (problem !== undefined) throw new Error(problem);
  };
  const answering = (act: () => Promise<void>): Promise<BatchSnapshot> =>
    order.handle('update', () =>
      shield.run(async () => {
        await act();
        return snapshot();
      }),
    );
  answerPosition();
  setHandler(snapshotQuery, snapshot);
  setHandler(pauseUpdate, () => answering(() => apply({ kind: 'pause' })), {
    validator: () => refuseUnlessOpen(),
  });
  setHandler(
    resumeUpdate,
    (how) => answering(() => apply({ kind: 'resume', rebind: how?.rebind === true })),
    {
      validator: (how) => {
        refuseUnlessOpen();
        refuseInstruction({ kind: 'resume', rebind: how?.rebind === true });
      },
    },
  );
  setHandler(setUpdate, (settings) => answering(() => apply({ kind: 'set', ...settings })), {
    validator: (settings) => {
      refuseUnlessOpen();
      refuseInstruction({ kind: 'set', ...settings });
    },
  });
  setHandler(cancelUpdate, () => answering(async () => batch.cancel()), {
    validator: () => refuseEnded(snapshot(), { orCancelling: true }),
  });
  setHandler(instructSignal, (instruction) =>
    order.handle('signal', async () => {
      try {
        refuseUnlessOpen();
        refuseInstruction(instruction);
        await shield.run(() => apply(instruction, { hasWaited: true }));
      } catch (error) {
        log.warn('A command to the batch was not carried out.', { kind: instruction.kind, error });
        if (instruction.kind === 'set' && instruction.budget !== undefined) {
          batch.budget.pauseUnset(instruction.budget, error);
        }
      }
    }),
  );
  setHandler(reportSignal, (report) =>
    order.handle('signal', () =>
      shield.run(async () => {
        // After a reset, shards of another run may still send reports.
        if (report.runSeq === batch.runSeq) batch.takeReport(report);
      }),
    ),
  );
}

/** Throws if the batch accepts no more messages. */
function refuseEnded(
  { phase, cancelling }: BatchSnapshot,
  { orCancelling }: { readonly orCancelling: boolean },
): void {
  if (!['preparing', 'running'].includes(phase)) {
    throw new Error(`The batch is ${phase}: it cannot be changed any more.`);
  }
  if (cancelling && !orCancelling) {
    throw new Error('The batch is being cancelled: it cannot be paused, resumed or changed.');
  }
}

/** Why an instruction is refused; undefined if it is accepted. */
function problemWith(
  { budget, snapshot }: Pick<BatchHandlers, 'budget' | 'snapshot'>,
  instruction: Instruction,
): string | undefined {
  switch (instruction.kind) {
    case 'pause':
      return undefined;
    case 'resume':
      return instruction.rebind ? undefined : budget.problemWithResume(snapshot().holds);
    case 'set':
      return (
        problemWithSettings(instruction) ??
        (instruction.budget === undefined ? undefined : budget.problemWithSet(instruction))
      );
  }
}

/** How Temporal delivered a message. */
type Bringer = 'signal' | 'update';

/**
 * Handles the messages of one workflow task in a fixed order once all are in: signals before updates. After a reset
 * Temporal first delivers them in their old order, but signals first when that task is replayed; the result must not
 * depend on this.
 */
class MessageOrder {
  readonly #waiting: Record<Bringer, (() => void)[]> = { signal: [], update: [] };

  /** Handles a message after earlier ones of the same kind; settles as `follow` does. */
  handle<T>(bringer: Bringer, follow: () => Promise<T>): Promise<T> {
    const { signal, update } = this.#waiting;
    // Temporal delivers all messages of a task before anything that waits continues.
    if (signal.length + update.length === 0) void Promise.resolve().then(() => this.#followAll());
    return new Promise((resolve, reject) => {
      this.#waiting[bringer].push(() => {
        follow().then(resolve, reject);
      });
    });
  }

  #followAll(): void {
    const { signal, update } = this.#waiting;
    for (const follow of [...signal.splice(0), ...update.splice(0)]) follow();
  }
}
