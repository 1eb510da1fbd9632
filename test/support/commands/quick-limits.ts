import type { ActivityLimits } from '../../../src/activities/limits.js';

/** Jobs of tests take less than a second, and every worker of a test starts without known job times. */
export const QUICK_LIMITS: Partial<ActivityLimits> = { firstPollMs: 500 };
