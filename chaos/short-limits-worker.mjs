/**
 * A worker like `banana-batch worker` except for its limits: CHAOS_LIMITS has them as JSON, so that faults of some
 * seconds cause whole holds.
 */
import { readConfig, requireParts } from '../dist/config.js';
import { logToStderr } from '../dist/cli/terminal/log.js';
import { logTemporalTo } from '../dist/activities/worker/process/temporal-log.js';
import { startWorker } from '../dist/worker.js';

const config = readConfig(process.env, undefined);
const log = logToStderr(false, false);
logTemporalTo(log);
const worker = await startWorker({
  ...requireParts(config, ['temporal', 'bucket', 'api']),
  taskQueue: config.taskQueue,
  log,
  limits: JSON.parse(process.env.CHAOS_LIMITS ?? '{}'),
});
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void worker.stop());
log.info('The worker is ready.');
await worker.done;
// As the command does: a native part that hangs would keep the process alive.
process.exit();
