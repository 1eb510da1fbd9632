import { requireParts, requireSound } from '../../config.js';
import { loadWorker } from '../../load-worker.js';
import { logToStderr } from '../terminal/log.js';
import type { ListenAddress } from '../../bananahub/webhooks/receiver.js';
import type { WorkerRole } from '../../activities/worker/process/roles.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { aborted } from './dev.js';

export interface WorkerCommandOptions {
  readonly roles: readonly WorkerRole[];
  readonly imageBytes: number;
  /** Also receives webhooks there. */
  readonly webhooks?: ListenAddress;
}

/**
 * Processes batches until Ctrl-C or SIGTERM; running activities are then finished or handed back.
 * @throws Error if a server of this folder ends meanwhile.
 */
export const worker: Command<WorkerCommandOptions> = async (context, options) => {
  const { roles, imageBytes, webhooks: listen } = options;
  const { config, environment, finishing, interrupted, stderr, serverLost } = context;
  requireSound(config);
  const parts = requireParts(config, [
    'temporal',
    'bucket',
    'api',
    ...(listen ? (['webhooks'] as const) : []),
  ]);
  const { startWorker, logTemporalTo } = await loadWorker();
  const log = logToStderr(stderr.isTTY, !environment['NO_COLOR']);
  logTemporalTo(log);
  const running = await startWorker({
    ...parts,
    webhooks: config.webhooks,
    notices: config.notices,
    prices: config.prices,
    taskQueue: config.taskQueue,
    log,
    roles,
    imageBytes,
    ...(listen && { listen }),
  });
  log.info(
    {
      temporal: parts.temporal.address,
      namespace: parts.temporal.namespace,
      bucket: parts.bucket.bucket,
      api: parts.api.baseUrl,
      taskQueue: config.taskQueue,
      roles,
      ...(listen && { webhooks: `${listen.host}:${listen.port}` }),
      ...(config.notices && { notices: new URL(config.notices.url).host }),
    },
    'The worker is ready.',
  );
  finishing('the worker (its tasks are finished or handed back)');
  const loss = await Promise.race([aborted(interrupted), running.done, ...(serverLost ? [serverLost] : [])]);
  log.info('The worker is stopping; its tasks are finished or handed back.');
  await running.stop();
  if (loss) throw loss;
  return EXIT.ok;
};
