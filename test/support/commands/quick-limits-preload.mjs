/*
 * Loaded before a command's own code: jobs of tests take less than a second, and every worker of a test meets kinds of
 * jobs that it knows nothing of.
 */
import { DEFAULT_LIMITS } from '../../../dist/activities/limits.js';

DEFAULT_LIMITS.firstPollMs = 500;
