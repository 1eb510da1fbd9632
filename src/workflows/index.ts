export { deliverNotice } from './deliver-notice.js';
export { runBatch } from './run-batch.js';
export { runShard } from './run-shard.js';
export { scheduledFiring } from './scheduled-firing.js';
