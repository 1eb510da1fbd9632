import { CancellationScope, log, setHandler } from '@temporalio/workflow';
import { problemWithSettings, type ChangedSettings } from '../domain/batch-settings.js';
import { HeardWords } from './heard-words.js';
import {
  cancelUpdate,
  instructSignal,
  pauseUpdate,
  resumeUpdate,
  setUpdate,
  snapshotQuery,
  type BatchSnapshot,
  type Instruction,
} from './messages.js';
import {
  shardEndSignal,
  shardFaultSignal,
  slotReleaseSignal,
  slowDownSignal,
  trialEndSignal,
  type ShardFault,
  type ShardSpeaker,
  type SlotRelease,
  type SlowDown,
  type TrialEnd,
} from './shard-messages.js';

/** A batch as those see it who tell it something. */
export interface Listener {
  readonly runSeq: number;
  readonly snapshot: () => BatchSnapshot;
  readonly obey: (instruction: Instruction) => Promise<void>;
  readonly cancel: () => void;
  readonly takeSlotsBack: (release: SlotRelease) => void;
  readonly takeFault: (fault: ShardFault) => void;
  readonly takeSlowDown: (met: SlowDown) => void;
  readonly takeTrialEnd: (end: TrialEnd) => void;
  readonly takeShardEnd: (shard: number) => void;
}

/** Answers what people and shards tell a batch. To be called within a scope that nothing cancels. */
export function handleMessages(batch: Listener): void {
  const { obey, snapshot } = batch;
  const refuseUnlessOpen = (): void => refuseEnded(snapshot(), { orCancelling: false });
  // A handler runs in the root's scope: what it starts would be cancelled with it.
  const shield = CancellationScope.current();
  const words = new HeardWords();
  const answering = (act: () => Promise<void>): Promise<BatchSnapshot> =>
    words.hear('update', () =>
      shield.run(async () => {
        await act();
        return snapshot();
      }),
    );
  /** A shard of another run may speak where this run was taken up again by a reset. */
  const heard =
    <Word extends ShardSpeaker>(take: (word: Word) => void) =>
    (word: Word): Promise<void> =>
      words.hear('signal', () =>
        shield.run(async () => {
          if (word.runSeq === batch.runSeq) take(word);
        }),
      );

  setHandler(snapshotQuery, snapshot);
  setHandler(pauseUpdate, () => answering(() => obey({ kind: 'pause' })), {
    validator: () => refuseUnlessOpen(),
  });
  setHandler(resumeUpdate, (how) => answering(() => obey({ kind: 'resume', rebind: how?.rebind === true })), {
    validator: (_how) => refuseUnlessOpen(),
  });
  setHandler(setUpdate, (settings) => answering(() => obey({ kind: 'set', ...settings })), {
    validator: (settings) => {
      refuseUnlessOpen();
      refuseSettings(settings);
    },
  });
  setHandler(cancelUpdate, () => answering(async () => batch.cancel()), {
    validator: () => refuseEnded(snapshot(), { orCancelling: true }),
  });
  setHandler(instructSignal, (instruction) =>
    words.hear('signal', async () => {
      try {
        refuseUnlessOpen();
        if (instruction.kind === 'set') refuseSettings(instruction);
        await shield.run(() => obey(instruction));
      } catch (error) {
        log.warn('An instruction was not followed.', { kind: instruction.kind, error });
      }
    }),
  );
  setHandler(slotReleaseSignal, heard(batch.takeSlotsBack));
  setHandler(shardFaultSignal, heard(batch.takeFault));
  setHandler(slowDownSignal, heard(batch.takeSlowDown));
  setHandler(trialEndSignal, heard(batch.takeTrialEnd));
  setHandler(
    shardEndSignal,
    heard(({ shard }) => batch.takeShardEnd(shard)),
  );
}

/** Throws where nothing can be told to the batch any more. */
function refuseEnded(
  { phase, cancelling }: BatchSnapshot,
  { orCancelling }: { readonly orCancelling: boolean },
): void {
  if (!['preparing', 'running'].includes(phase)) {
    throw new Error(`The batch is ${phase}: nothing of it can be changed any more.`);
  }
  if (cancelling && !orCancelling) {
    throw new Error('The batch is being cancelled: it can be neither paused, nor resumed, nor changed.');
  }
}

function refuseSettings(settings: ChangedSettings): void {
  const problem = problemWithSettings(settings);
  if (problem) throw new Error(problem);
}
