import type { ActivityLimits } from '../../../src/activities/limits.js';

/** Jobs of tests take less than a second, and every worker of a test meets kinds of jobs that it knows nothing of. */
export const QUICK_LIMITS: Partial<ActivityLimits> = { firstPollMs: 500 };
