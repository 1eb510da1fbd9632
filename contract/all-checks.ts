import { ACCESS_CHECKS } from './access-checks.js';
import type { RequestCheck, EvidenceCheck } from './check.js';
import { CLIENT_CHECKS } from './client-checks.js';
import { CREATE_BODY_CHECKS } from './create-body-checks.js';
import { CREATE_CHECKS } from './create-checks.js';
import { ENDPOINT_RULE } from './endpoint-check.js';
import { ERROR_CHECKS } from './error-checks.js';
import { IMAGE_CHECKS } from './image-checks.js';
import { IMAGE_URL_CHECKS } from './image-url-checks.js';
import { INPUT_IMAGE_CHECKS } from './input-image-checks.js';
import { JOB_CHECKS } from './job-checks.js';
import { MONEY_CHECKS } from './money-checks.js';
import { OPEN_QUESTIONS } from './open-questions.js';
import type { Cost, Rule } from './verdict.js';
import { WEBHOOK_CHECKS } from './webhook-checks.js';

/** The checks that send requests, in order; the endpoints are found before them. */
export const REQUEST_CHECKS: readonly RequestCheck[] = [
  ...ACCESS_CHECKS,
  ...CREATE_BODY_CHECKS,
  ...OPEN_QUESTIONS,
];

/** The checks of collected answers and images, in order. */
export const EVIDENCE_CHECKS: readonly EvidenceCheck[] = [
  ...MONEY_CHECKS,
  ...CREATE_CHECKS,
  ...JOB_CHECKS,
  ...IMAGE_URL_CHECKS,
  ...IMAGE_CHECKS,
  ...INPUT_IMAGE_CHECKS,
  ...WEBHOOK_CHECKS,
  ...ERROR_CHECKS,
  ...CLIENT_CHECKS,
];

/** All rules and questions, in the order of the result. */
export const ALL_RULES: readonly (Rule & { readonly cost: Cost })[] = [
  ENDPOINT_RULE,
  ...REQUEST_CHECKS,
  ...EVIDENCE_CHECKS,
];
