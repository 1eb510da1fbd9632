/**
 * Loaded before a command's own code: jobs of tests take less than a second, and every worker of a test starts without
 * known job times.
 */
import { DEFAULT_LIMITS } from '../../../dist/activities/limits.js';

DEFAULT_LIMITS.firstPollMs = 500;
